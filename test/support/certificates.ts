// Certificates for the tests, made when they are first needed by the `openssl` program and removed when the process ends: good ones and every
// kind of bad one. Keys are EC, which are quick to make, but for RPyC's own recipe.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Paths of a certificate and its key. */
export interface Pair {
  certfile: string;
  keyfile: string;
}

export interface Certificates {
  /** Authority of all that are named below, but for `selfSigned` and `stranger`. */
  ca: string;
  /** Another authority. */
  otherCa: string;
  /** For localhost and 127.0.0.1. */
  server: Pair;
  /** For elsewhere.example. */
  wrongHost: Pair;
  /** For localhost, until 2021. */
  expired: Pair;
  /** For localhost, from 2090 on. */
  early: Pair;
  /** CN `client`. */
  client: Pair;
  /** CN `stranger`, of `otherCa`. */
  stranger: Pair;
  /** CN `middle-client`, of an authority of `ca`'s, which stands in the file behind it. */
  chained: Pair;
  /** For localhost, by the recipe of RPyC's documentation; its own authority. */
  selfSigned: Pair;
  /** The key of `server`, encrypted with `open sesame`. */
  lockedKey: string;
}

let made: Certificates | undefined;

export function certificates(): Certificates {
  made ??= make();
  return made;
}

function make(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'rpyc-certificates-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const pair = (name: string): Pair => ({ certfile: path(`${name}.crt`), keyfile: path(`${name}.key`) });
  const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

  const authority = (name: string): string => {
    openssl(
      'req',
      '-x509',
      ...EC,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
      '-days',
      '30',
      '-subj',
      `/CN=${name}`,
    );
    return path(`${name}.crt`);
  };
  /** `openssl ca`, since nothing else of version 3.0 takes dates. */
  const signed = (name: string, ca: string, extensions: string, dates: string[] = ['-days', '30']): Pair => {
    const config = path(`${name}.cnf`);
    writeFileSync(path('index'), '');
    writeFileSync(
      path('serial'),
      `${Math.floor(Math.random() * 2 ** 40 + 2 ** 40)
        .toString(16)
        .padStart(12, '0')}\n`,
    );
    writeFileSync(
      config,
      `[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=${folder}\ndatabase=${path('index')}\nserial=${path('serial')}\ndefault_md=sha256\npolicy=p\nx509_extensions=e\nunique_subject=no\n[p]\ncommonName=supplied\n[e]\n${extensions}\n`,
    );
    openssl('req', '-new', ...EC, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    openssl(
      'ca',
      '-batch',
      '-config',
      config,
      '-cert',
      `${ca}.crt`,
      '-keyfile',
      `${ca}.key`,
      '-in',
      `${name}.csr`,
      '-out',
      `${name}.crt`,
      '-notext',
      ...dates,
    );
    return pair(name);
  };

  const HOST = 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1';
  const ca = authority('ca');
  const otherCa = authority('other');
  signed('middle', 'ca', 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign');
  const chained = signed('middle-client', 'middle', 'basicConstraints=CA:FALSE');
  writeFileSync(
    chained.certfile,
    readFileSync(chained.certfile, 'latin1') + readFileSync(path('middle.crt'), 'latin1'),
  );
  const server = signed('localhost', 'ca', HOST);
  openssl('ec', '-in', server.keyfile, '-out', 'locked.key', '-aes256', '-passout', 'pass:open sesame');
  const recipe = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=localhost'];
  openssl(...recipe, '-keyout', 'self.key', '-out', 'self.crt');
  return {
    ca,
    otherCa,
    server,
    wrongHost: signed('elsewhere', 'ca', 'subjectAltName=DNS:elsewhere.example'),
    expired: signed('expired', 'ca', HOST, ['-startdate', '20200101000000Z', '-enddate', '20210101000000Z']),
    early: signed('early', 'ca', HOST, ['-startdate', '20900101000000Z', '-enddate', '20910101000000Z']),
    client: signed('client', 'ca', 'basicConstraints=CA:FALSE'),
    stranger: signed('stranger', 'other', 'basicConstraints=CA:FALSE'),
    chained,
    selfSigned: pair('self'),
    lockedKey: path('locked.key'),
  };
}
