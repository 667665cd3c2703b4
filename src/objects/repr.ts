// Python-literal text of our values, for `repr()` and `str()` on the other side. Runs no user code beyond `__repr__`.
import { Buffer } from 'node:buffer';
import { Complex, FrozenSet, PyFloat, PyInt, Slice } from '../python/values.ts';
import { holderOf } from '../refs/holder.ts';
import { className, isClass } from './classes.ts';
import { dataEntries, memberEntries } from './literal.ts';

const MAX_DEPTH = 6;
const MAX_LENGTH = 10_000;

/**
 * `repr(value)`; at most 10,000 characters, containers at most 6 deep.
 * @param methods show the methods of plain objects among their items
 */
export function pyRepr(value: unknown, methods = false): string {
  const text = new Printer(methods).print(value, 0);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}...` : text;
}

class Printer {
  private readonly open = new Set<object>();
  private readonly methods: boolean;
  private length = 0;
  constructor(methods: boolean) {
    this.methods = methods;
  }

  print(value: unknown, depth: number): string {
    const text = this.text(value, depth);
    this.length += text.length;
    return text;
  }

  private text(value: unknown, depth: number): string {
    const holder = holderOf(value);
    if (holder !== undefined) return `<netref ${holder.cls.name}>`;
    switch (typeof value) {
      case 'string':
        return quote(value);
      case 'number':
        return number(value);
      case 'boolean':
        return value ? 'True' : 'False';
      case 'undefined':
        return 'None';
      case 'bigint':
        return value.toString();
      case 'symbol':
        return value.toString();
      case 'function':
        return isClass(value) ? `<class '${className(value)}'>` : `<function ${value.name || '<lambda>'}>`;
      default:
        return value === null ? 'None' : this.object(value as object, depth);
    }
  }

  private object(value: object, depth: number): string {
    if (this.open.has(value)) return Array.isArray(value) ? '[...]' : '{...}';
    if (depth > MAX_DEPTH || this.length > MAX_LENGTH) return '...';
    this.open.add(value);
    try {
      return this.container(value, depth + 1);
    } finally {
      this.open.delete(value);
    }
  }

  private items(values: Iterable<unknown>, depth: number): string[] {
    const out: string[] = [];
    for (const value of values) {
      if (this.length > MAX_LENGTH) {
        out.push('...');
        break;
      }
      out.push(this.print(value, depth));
    }
    return out;
  }

  private pairs(entries: Iterable<[unknown, unknown]>, depth: number): string {
    const out: string[] = [];
    for (const [key, value] of entries) {
      if (this.length > MAX_LENGTH) {
        out.push('...');
        break;
      }
      out.push(`${this.print(key, depth)}: ${this.print(value, depth)}`);
    }
    return `{${out.join(', ')}}`;
  }

  private container(value: object, depth: number): string {
    if (Array.isArray(value)) {
      const items = this.items(value, depth);
      if (!Object.isFrozen(value)) return `[${items.join(', ')}]`;
      return items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`;
    }
    if (value instanceof Map) return this.pairs(value, depth);
    if (value instanceof Set) return value.size === 0 ? 'set()' : `{${this.items(value, depth).join(', ')}}`;
    if (value instanceof FrozenSet)
      return value.size === 0 ? 'frozenset()' : `frozenset({${this.items(value, depth).join(', ')}})`;
    if (value instanceof Uint8Array) return bytes(value);
    if (ArrayBuffer.isView(value)) return `[${this.items(value as never, depth).join(', ')}]`;
    if (value instanceof PyFloat) return Number.isInteger(value.value) ? `${value.value}.0` : number(value.value);
    if (value instanceof PyInt) return value.value.toString();
    if (value instanceof Slice) return `slice(${this.items([value.start, value.stop, value.step], depth).join(', ')})`;
    if (value instanceof Complex) return `(${value.real}${value.imag < 0 ? '' : '+'}${value.imag}j)`;
    const prototype = Object.getPrototypeOf(value);
    if (prototype === null || prototype === Object.prototype) return this.pairs(this.entries(value), depth);
    return `<${className(prototype.constructor)} object>`;
  }

  private *entries(object: object): Generator<[string, unknown]> {
    if (!this.methods) yield* dataEntries(object);
    else for (const [key, { value }] of memberEntries(object)) yield [key, value];
  }
}

function number(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  return String(value);
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function quote(value: string): string {
  const mark = value.includes("'") && !value.includes('"') ? '"' : "'";
  const body = value.replace(/\\|\p{Cc}/gu, (c) => ESCAPES[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return mark + (mark === "'" ? body.replaceAll("'", "\\'") : body).toWellFormed() + mark;
}

function bytes(value: Uint8Array): string {
  const shown = Buffer.from(value.buffer, value.byteOffset, Math.min(value.byteLength, MAX_LENGTH)).toString('latin1');
  const body = shown.replace(/[^\x20-\x7e]|[\\']/g, (c) =>
    c === '\\' || c === "'" ? `\\${c}` : (ESCAPES[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`),
  );
  return `b'${body}'`;
}
