// Listening sockets that a process was started with: systemd's socket activation, as sd_listen_fds(3) describes it.

/** Number of the first descriptor that systemd passes. */
const FIRST = 3;
const MOST = 1024;

/**
 * The descriptor of LISTEN_FDS that is meant: `true`, the only one; a string, the one of that name in LISTEN_FDNAMES. Takes the variables out
 * of the environment, so that no child takes the sockets, unless there are several: another server may ask for the next.
 * @throws {Error} that says what is missing
 */
export function inheritedFd(which: true | string, env: NodeJS.ProcessEnv = process.env): number {
  const { LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES } = env;
  if (LISTEN_FDS === undefined || LISTEN_PID === undefined)
    throw new Error(
      'listenFds: this process was given no sockets (LISTEN_FDS and LISTEN_PID are not set). It has to be started by a systemd .socket unit',
    );
  if (Number(LISTEN_PID) !== process.pid)
    throw new Error(
      `listenFds: the sockets are meant for process ${LISTEN_PID} (LISTEN_PID), this is ${process.pid}: start node itself, without a shell or npm between`,
    );
  const count = Number(LISTEN_FDS);
  if (!(Number.isInteger(count) && count > 0 && count <= MOST))
    throw new Error(`listenFds: LISTEN_FDS is ${JSON.stringify(LISTEN_FDS)}, not a number of sockets`);
  const names = LISTEN_FDNAMES === undefined || LISTEN_FDNAMES === '' ? [] : LISTEN_FDNAMES.split(':').slice(0, count);
  const at = which === true ? 0 : names.indexOf(which);
  if (which === true && count > 1)
    throw new Error(`listenFds: there are ${count} sockets: name one of them (${names.join(', ')})`);
  if (at < 0)
    throw new Error(
      `listenFds: no socket is called ${JSON.stringify(which)}; there are ${names.join(', ') || 'no names'}`,
    );
  if (names.length <= 1 || which === true) {
    delete env.LISTEN_FDS;
    delete env.LISTEN_PID;
    delete env.LISTEN_FDNAMES;
  }
  return FIRST + at;
}
