// What programs of the tests have in common: a line of JSON for the test, and an error as data.
import { writeSync } from 'node:fs';

/** One line to the test; written at once, also from inside a blocking wait. */
export function say(value: unknown): void {
  writeSync(1, `${JSON.stringify(value)}\n`);
}

export interface Told {
  name: string;
  code?: string;
  message: string;
  cause?: string | undefined;
}

export function told(error: any): Told {
  return { name: error.name, code: error.code, message: error.message, cause: error.cause?.code };
}

/** What `action` throws, or what it returns. */
export function attempt(action: () => unknown): { value: unknown } | { error: Told } {
  try {
    return { value: action() };
  } catch (error) {
    return { error: told(error) };
  }
}
