// The oldest browsers that the app promises to run in, as README.md says, and what of the web's functions is younger than them.
import data from '@mdn/browser-compat-data' with { type: 'json' };

export const OLDEST = {
  safari_ios: '16.4',
  chrome: '109',
  chrome_android: '109',
  firefox: '115',
  firefox_android: '115',
};

/** The same for the compiler. */
export const BUILD_TARGET = ['es2022', 'safari16.4', 'chrome109', 'firefox115'];

/** Whether one of the promised browsers is without it; false also where nothing is known of it. */
export function isTooYoung(compat) {
  return Object.entries(OLDEST).some(([browser, oldest]) => {
    const known = compat?.support[browser];
    return known !== undefined && ![known].flat().some((support) => isIn(support, oldest));
  });
}

/** Behind a flag, under another name or in part counts as missing. */
function isIn({ version_added: added, version_removed: removed, flags, alternative_name: otherName, prefix }, oldest) {
  if (flags || otherName || prefix || typeof added !== 'string' || added === 'preview') return false;
  const isRemoved = typeof removed === 'string' && !isLater(removed, oldest);
  return !isRemoved && !isLater(added.replace('≤', ''), oldest);
}

function isLater(version, than) {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  for (let i = 0; i < Math.max(a.length, b.length); i += 1)
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  return false;
}

const interfaces = { ...data.api, ...data.javascript.builtins };

/** Names that stand alone: interfaces and global functions. */
export function youngGlobals() {
  const globals = [
    ...Object.entries(interfaces),
    ...Object.entries(data.api.Window),
    ...Object.entries(data.javascript.builtins.globals ?? {}),
  ];
  return names(globals.filter(([name]) => !name.includes('_')));
}

/** `AbortSignal.any`: functions of a class itself. */
export function youngStatics() {
  const all = Object.entries(interfaces).flatMap(([owner, of]) =>
    Object.entries(of)
      .filter(([name]) => isStatic(owner, name))
      .map(([name, feature]) => [`${owner}.${name.replace(/_static$/, '')}`, feature]),
  );
  return names(all);
}

/** What a script meets in the app. Of all interfaces together, many a name of our own would belong to some experiment. */
const MET = [
  'AbortSignal',
  'Blob',
  'BroadcastChannel',
  'Cache',
  'CanvasRenderingContext2D',
  'Crypto',
  'CryptoKey',
  'DOMRect',
  'DataTransfer',
  'Document',
  'Element',
  'Event',
  'EventTarget',
  'File',
  'FormData',
  'HTMLButtonElement',
  'HTMLCanvasElement',
  'HTMLDialogElement',
  'HTMLElement',
  'HTMLFormElement',
  'HTMLInputElement',
  'HTMLMediaElement',
  'HTMLTextAreaElement',
  'HTMLVideoElement',
  'Headers',
  'History',
  'IDBDatabase',
  'IDBFactory',
  'IDBObjectStore',
  'IDBTransaction',
  'InputEvent',
  'KeyboardEvent',
  'Location',
  'LockManager',
  'MediaDevices',
  'MediaStream',
  'MediaStreamTrack',
  'Navigator',
  'Node',
  'Performance',
  'PushManager',
  'ReadableStream',
  'Request',
  'Response',
  'Screen',
  'ScreenOrientation',
  'ServiceWorker',
  'ServiceWorkerContainer',
  'ServiceWorkerRegistration',
  'StorageManager',
  'SubtleCrypto',
  'Text',
  'TextDecoder',
  'TextEncoder',
  'URL',
  'URLSearchParams',
  'VisualViewport',
  'WakeLock',
  'WakeLockSentinel',
  'Window',
  'Worker',
];

/**
 * Members by names that are too young wherever they occur, for whose they are cannot be seen in the code: `web` of what the app meets,
 * `language` of what the language itself has. The latter count only where they are called: data are named as their authors like.
 */
export function youngMembers() {
  const web = MET.map((owner) => [owner, data.api[owner]]);
  const language = Object.entries(data.javascript.builtins).filter(([owner]) => !NAMESPACES.includes(owner));
  const isYoung = new Map();
  for (const [owner, of] of [...web, ...language]) {
    for (const [name, { __compat: compat }] of membersOf(owner, of))
      isYoung.set(name, (isYoung.get(name) ?? true) && isTooYoung(compat));
  }
  const young = (owners) =>
    new Set(
      owners.flatMap(([owner, of]) => membersOf(owner, of).map(([name]) => name)).filter((name) => isYoung.get(name)),
    );
  return { web: young(web), language: young(language) };
}

function membersOf(owner, of) {
  return Object.entries(of).filter(
    ([name, feature]) => /^[A-Za-z]+$/.test(name) && feature.__compat && !isStatic(owner, name),
  );
}

/** In the data a builtin's own functions stand beside those of its instances; these have no instances of their own. */
const NAMESPACES = ['Atomics', 'Intl', 'JSON', 'Math', 'Reflect', 'WebAssembly'];
const BUILTIN_STATICS =
  /^(Array|ArrayBuffer|BigInt|Error|Map|Number|Object|Promise|Proxy|RegExp|String|Symbol|Iterator)\.(from|fromAsync|of|isArray|groupBy|withResolvers|try|any|all|allSettled|race|resolve|reject|hasOwn|fromEntries|entries|keys|values|assign|raw|escape|isError|captureStackTrace|isView|concat|zip|zipKeyed)$/;

function isStatic(owner, name) {
  return (
    name.endsWith('_static') ||
    NAMESPACES.includes(owner) ||
    (owner in data.javascript.builtins && BUILTIN_STATICS.test(`${owner}.${name}`))
  );
}

function names(entries) {
  return new Set(entries.filter(([, feature]) => isTooYoung(feature.__compat)).map(([name]) => name));
}

const { properties, selectors, types, 'at-rules': atRules } = data.css;

/** What of a style sheet is too young: `property`, `property: keyword`, `:selector`, `@rule`, `function()` and units. */
export const youngCss = {
  property: (name) => isTooYoung(properties[name]?.__compat),
  keyword: (name, value) =>
    isTooYoung(properties[name]?.[value.replaceAll('-', '_')]?.__compat ?? properties[name]?.[value]?.__compat),
  selector: (name) => isTooYoung(selectors[name]?.__compat),
  atRule: (name) => isTooYoung(atRules[name]?.__compat),
  function: (name) => isTooYoung(types[name]?.__compat ?? types.color[name]?.__compat),
  unit: (name) => isTooYoung(unitOf(name)),
};

function unitOf(name) {
  const { length } = types;
  if (/^[dls]v(h|w|i|b|min|max)$/.test(name)) {
    const sizes = { d: 'dynamic', l: 'large', s: 'small' };
    return length[`viewport_percentage_units_${sizes[name[0]]}`]?.__compat;
  }
  return /^cq/.test(name) ? length.container_query_length_units?.__compat : length[name]?.__compat;
}
