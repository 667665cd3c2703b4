// `npm run fuzz [-- SECONDS [TARGET...]]`: the libFuzzer targets of crates/wire-fuzz in turn, SECONDS (300) divided over them, each from a
// corpus that begins with the captured frames of real RPyC and is kept in crates/wire-fuzz/corpus. cargo-fuzz is not needed: what it
// passes to the compiler stands below. The flags are unstable ones, so the compiler is the nightly toolchain where there is one, else
// the ordinary one with RUSTC_BOOTSTRAP=1. Exit status: 1 a target crashed, 2 nothing was fuzzed since a tool is missing.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findCargo, root, run, runMain, SetupError, say } from './setup.mjs';

const HOME = join(root, 'crates/wire-fuzz');
const TARGETS = readdirSync(join(HOME, 'fuzz_targets')).map((file) => file.replace(/\.rs$/, ''));
/** Exit status where the tools are missing. */
const NO_TOOLS = 2;

/** Coverage for libFuzzer, AddressSanitizer, and the checks of a debug build. */
const RUSTFLAGS = [
  '--cfg=fuzzing',
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares',
  '-Zsanitizer=address',
  '-Cforce-frame-pointers',
  '-Cdebug-assertions',
  '-Ccodegen-units=1',
].join(' ');

/** What a program prints, null where it cannot be run or fails. */
function output(command, args) {
  const env = { ...process.env, RUSTUP_AUTO_INSTALL: '0' };
  const { status, stdout } = spawnSync(command, args, { cwd: root, encoding: 'utf8', env });
  return status === 0 ? stdout : null;
}

/** `{toolchain, host, env}` of a compiler that has AddressSanitizer's library; a string says what is missing. */
function findTools() {
  const rustc = findCargo().replace(/cargo(\.exe)?$/, 'rustc$1');
  const asan = (folder) => readdirSync(folder).some((name) => /rt\.asan/.test(name));
  const able = ['+nightly', ''].find((toolchain) => {
    const folder = output(rustc, [toolchain, '--print', 'target-libdir'].filter(Boolean))?.trim();
    return folder !== undefined && asan(folder);
  });
  if (able === undefined) {
    return 'the Rust compiler has no AddressSanitizer for this machine, and there is no nightly toolchain that has (rustup toolchain install nightly)';
  }
  const cxx = process.env.CXX ?? 'c++';
  if (output(cxx, ['--version']) === null) {
    return `libFuzzer is compiled by a C++ compiler, and ${cxx} cannot be run (Debian, Ubuntu: g++)`;
  }
  const host = /^host: (.*)$/m.exec(output(rustc, [able, '-vV'].filter(Boolean)))?.[1];
  return { toolchain: able, host, env: { ...process.env, RUSTC_BOOTSTRAP: '1', RUSTFLAGS } };
}

/** Builds all targets; resolves with the folder of the programs. */
async function build({ toolchain, host, env }) {
  const folder = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'fuzz');
  say(`building the fuzz targets (cargo ${toolchain || 'with RUSTC_BOOTSTRAP=1'}), about a minute the first time`);
  const args = ['build', '--quiet', '--release', '--locked', '--bins', '--manifest-path', join(HOME, 'Cargo.toml')];
  // With --target the flags are not those of build scripts.
  await run(findCargo(), [toolchain, ...args, '--target', host, '--target-dir', folder].filter(Boolean), { env });
  return join(folder, host, 'release');
}

/** Runs one target; resolves with `{crashed, text}`, what it printed. */
function fuzz(program, target, seconds) {
  const folder = (name) => {
    mkdirSync(join(HOME, name, target), { recursive: true });
    return join(HOME, name, target);
  };
  const args = [folder('corpus'), `-max_total_time=${seconds}`, '-timeout=10', '-print_final_stats=1'];
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, `-artifact_prefix=${folder('artifacts')}/`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    child.on('error', (error) => reject(new SetupError(`cannot run ${program}: ${error.message}`)));
    child.on('close', (status) => resolve({ crashed: status !== 0, text }));
  });
}

/** One line: executions, their speed, covered edges at the start and at the end, size of the corpus. */
function report(target, text) {
  const lines = text.split('\n').filter((line) => / cov: \d+/.test(line));
  const number = (pattern, from) => Number(pattern.exec(from ?? '')?.[1] ?? 0);
  const [first, last] = [lines.find((line) => line.includes('INITED')) ?? lines[0], lines.at(-1)];
  const runs = number(/number_of_executed_units:\s+(\d+)/, text) || number(/#(\d+)/, last);
  const coverage = `${number(/cov: (\d+)/, first)} -> ${number(/cov: (\d+)/, last)} edges`;
  const speed = number(/average_exec_per_sec:\s+(\d+)/, text);
  say(`${target.padEnd(8)}${runs} runs, ${speed}/s, ${coverage}, corpus ${number(/corp: (\d+)/, last)}`);
}

await runMain(async () => {
  const [amount = '300', ...named] = process.argv.slice(2);
  const total = Number(amount);
  if (!(total >= 1) || named.some((name) => !TARGETS.includes(name))) {
    throw new SetupError(`usage: npm run fuzz [-- SECONDS [TARGET...]]; targets are ${TARGETS.join(', ')}`);
  }
  const tools = findTools();
  if (typeof tools === 'string') {
    console.error(`[rpyc] fuzzing left out: ${tools}`);
    process.exitCode = NO_TOOLS;
    return;
  }
  const programs = await build(tools);
  await run(join(programs, 'corpus'), []);
  const targets = named.length ? named : TARGETS;
  const seconds = Math.max(1, Math.round(total / targets.length));
  say(`fuzzing ${targets.join(', ')}, ${seconds} s each`);
  const crashes = [];
  for (const target of targets) {
    const program = join(programs, target);
    const { crashed, text } = await fuzz(program, target, seconds);
    report(target, text);
    if (!crashed) continue;
    console.error(text.split('\n').slice(-60).join('\n'));
    const input = /Test unit written to (\S+)/.exec(text)?.[1];
    crashes.push(`${target} crashed${input ? `; run it again with ${program} ${input}` : ''}`);
  }
  for (const crash of crashes) console.error(`[rpyc] ${crash}`);
  process.exitCode = crashes.length ? 1 : 0;
});
