// What an attacker asks for: names that lead, or led in some system, from an object to code. None is legitimate on any target of the tests.

/** Out of reach under every configuration, whatever the object has. */
export const FORBIDDEN_NAMES: readonly string[] =
  '__proto__ constructor prototype __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ caller callee arguments'.split(
    ' ',
  );

/** What JavaScript's own prototypes define, and Python's and Node's ways out. */
export const ATTACKS: readonly string[] = [
  ...FORBIDDEN_NAMES,
  ...'hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf'.split(' '),
  ...'call apply bind'.split(' '),
  ...'push shift unshift splice concat join slice map filter forEach reduce reduceRight flat flatMap fill find findIndex findLast some every at with entries lastIndexOf includes toSorted toSpliced copyWithin'.split(
    ' ',
  ),
  ...'then catch finally'.split(' '),
  ...'has set delete size'.split(' '),
  ...'return getTime setTime toISOString toJSON exec test compile source flags lastIndex'.split(' '),
  ...'buffer byteLength byteOffset BYTES_PER_ELEMENT subarray'.split(' '),
  ...'__class__ __bases__ __mro__ __subclasses__ __globals__ __code__ __closure__ __builtins__ __dict__ __init__ __new__ __reduce__ __reduce_ex__ __getattribute__ __getattr__ __setattr__ __delattr__ __import__ __self__ __func__ __wrapped__ __module__ __subclasshook__ __init_subclass__ __set_name__ __array__ __array_interface__ __array_struct__ func_globals gi_frame f_globals'.split(
    ' ',
  ),
  ...'require process mainModule binding _load exports global globalThis eval Function exec_ Reflect Proxy WebAssembly'.split(
    ' ',
  ),
  ...'_rpyc_getattr _rpyc_setattr _rpyc_delattr ____conn__ ____id_pack__ ____refcount__ rpycModule rpycPlain'.split(
    ' ',
  ),
  ...'exposed_constructor exposed___proto__ exposed_prototype exposed_toString exposed_exposed_constructor'.split(' '),
  ...[
    '@@iterator',
    'Symbol(Symbol.iterator)',
    'Symbol.species',
    ' constructor',
    'constructor ',
    'constructor\0',
    'con\u200bstructor',
    'CONSTRUCTOR',
    '__proto__\0',
    '',
    '.',
    '..',
    '0',
    '-1',
    '4294967295',
  ],
];
