// Where commands write: stdout for what was asked for, stderr for the rest. Owns the colours, and that a reader who left is no error.
/** One line on stdout. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One line on stderr. */
export function warn(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Colours of one stream: a terminal has them, unless NO_COLOR is set to anything, or TERM says that it has none. */
export class Paint {
  readonly on: boolean;
  constructor(stream: NodeJS.WriteStream) {
    const { NO_COLOR = '', TERM } = process.env;
    this.on = stream.isTTY === true && NO_COLOR === '' && TERM !== 'dumb';
  }
  readonly bold = (text: string): string => this.paint(1, 22, text);
  readonly dim = (text: string): string => this.paint(2, 22, text);
  readonly red = (text: string): string => this.paint(31, 39, text);
  readonly green = (text: string): string => this.paint(32, 39, text);
  readonly cyan = (text: string): string => this.paint(36, 39, text);

  private paint(from: number, to: number, text: string): string {
    return this.on ? `\u001b[${from}m${text}\u001b[${to}m` : text;
  }
}

/**
 * A text of the peer's as one that cannot steer a terminal: control characters are written out. Nothing that a peer sent is printed without.
 * @param most characters; what is beyond is cut
 */
export function tame(text: string, most = 4096): string {
  const cut = text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return cut.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (char) => {
    const code = char.charCodeAt(0).toString(16).padStart(2, '0');
    return `\\x${code}`;
  });
}

/** The same in one line. */
export const tameLine = (text: string, most = 200): string =>
  tame(text, most).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
