// `@exposed` and `@service`: RPyC's decorators (rpyc/utils/__init__.py) as standard JavaScript decorators.
import { markExposed, markExposedField } from '../policy/exposure.ts';

type Member =
  | ClassMethodDecoratorContext
  | ClassGetterDecoratorContext
  | ClassFieldDecoratorContext
  | ClassAccessorDecoratorContext
  | ClassDecoratorContext;

/**
 * Exposes a method, getter, field or nested class under its own name.
 *
 *     class Calculator extends rpyc.Service {
 *       @rpyc.exposed
 *       add(a, b) { return a + b; }
 *     }
 *
 * A standard decorator: TypeScript and esbuild compile it. In plain JavaScript use `static exposed = ['add']`. Answers to `@rpyc.exposed`.
 * @throws {TypeError} for a member whose name is a symbol
 */
// biome-ignore lint/suspicious/noExplicitAny: a decorator takes whatever it decorates
export function exposed(value: any, context: Member): any {
  const { name } = context;
  if (context.kind === 'field' || context.kind === 'accessor') {
    if (typeof name !== 'string') throw new TypeError('a symbol cannot be exposed: names on the wire are strings');
    context.addInitializer(function (this: unknown) {
      markExposedField(this as object, name);
    });
    return undefined;
  }
  markExposed(value);
  return undefined;
}

/** RPyC's `@rpyc.service`: there it renames exposed members; here `@exposed` does all, so this changes nothing and keeps ported code running. */
export function service<Class extends abstract new (...args: never[]) => object>(
  cls: Class,
  _context: ClassDecoratorContext,
): Class {
  return cls;
}
