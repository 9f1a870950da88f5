/* OpenCV.js makes the functions that lead from JavaScript into its WebAssembly out of text, which a strict
   Content-Security-Policy forbids. Here are the same functions as closures: Emscripten's two templates (`createJsInvoker`
   and `__emval_create_invoker` of the pinned package), told from each other by the names of their parameters. */

const POINTER = 8; // bytes between two arguments in memory

/* From now on `new Function(names, body)` makes no script of the text, but chooses a template. */
export function withoutText() {
  globalThis.Function = new Proxy(Function, {
    construct(_, [names, body]) {
      return (...values) => templateOf(names)(named(names, values), names, body);
    },
  });
}

function templateOf([first]) {
  if (first === "humanName") return invoker;
  if (first === "toValue") return methodCaller;
  throw new Error("OpenCV.js is not the pinned version");
}

const named = (names, values) => Object.fromEntries(names.map((name, index) => [name, values[index]]));

/* A function of OpenCV. */
function invoker(given, names, body) {
  const { fn, invoker: invoke, runDestructors, fromRetWire, toClassParamWire } = given;
  const toWire = names.filter((name) => /^toArg\d+Wire$/.test(name)).map((name) => given[name]);
  const discards = names.filter((name) => name.endsWith("Wired_dtor"));
  const [method, stacked, returns] = ["thisWired =", "destructors = []", "return ret"].map((part) => body.includes(part));
  return function (...values) {
    const destructors = stacked ? [] : null;
    const own = method ? [toClassParamWire(destructors, this)] : [];
    const wired = toWire.map((convert, index) => convert(destructors, values[index]));
    const returned = invoke(fn, ...own, ...wired);
    if (stacked) runDestructors(destructors);
    for (const name of discards) given[name](name.startsWith("this") ? own[0] : wired[Number(name.match(/\d+/)[0])]);
    return returns ? fromRetWire(returned) : undefined;
  };
}

/* A call that OpenCV makes of something of JavaScript's: a function, a constructor, a conversion, or a method. */
function methodCaller(given, names, body) {
  const { toValue, getStringOrSymbol, toReturnWire, emval_returnValue: wire } = given;
  const readers = names.filter((name) => name.startsWith("argFromPtr")).map((name) => given[name]);
  const call = (handle, method, values) => {
    if (getStringOrSymbol) return toValue(handle)[getStringOrSymbol(method)](...values);
    if (body.includes("new (toValue(handle))")) return new (toValue(handle))(...values);
    return body.includes("toValue(handle)(") ? toValue(handle)(...values) : values.at(-1);
  };
  return (handle, method, destructors, start) => {
    const result = call(handle, method, readers.map((read, index) => read(start + index * POINTER)));
    return wire ? wire(toReturnWire, destructors, result) : undefined;
  };
}
