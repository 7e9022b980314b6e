// Reads which programs a JavaScript or Rust source starts.

const CALLS = {
  mjs: /\b(?:spawn|spawnSync|execFile|execFileSync)\)?\(\s*([^,)\s]+)/g,
  rs: /\bCommand::new\(\s*([^)\s]+)/g,
};
const SHELL_CALLS = /import \{[^}]*\bexec(Sync)?\b[^}]*\} from 'node:child_process'/;
const INSTALLED = /['"`]\/(?:usr\/)?s?bin\/([\w.-]+)['"`]/g;

/** The names of programs that a source starts; a name in a variable is looked for in the same file. */
export function startedIn(source, kind) {
  const code = source.replaceAll(/(^|\s)\/\/.*$/gm, '');
  if (SHELL_CALLS.test(code)) throw new Error('start programs with execFile or spawn, so that their names can be read');
  const called = [...code.matchAll(CALLS[kind])].flatMap(([, argument]) => literals(code, argument));
  const installed = [...code.matchAll(INSTALLED)].map(([, name]) => name);
  return new Set([...called, ...installed].filter((name) => !name.includes('/')));
}

function literals(code, argument) {
  const literal = /^&?['"`]([^'"`$]+)['"`]$/.exec(argument);
  if (literal) return [literal[1]];
  if (!/^&?\w+$/.test(argument)) return [];
  const name = argument.replace('&', '');
  const given = new RegExp(`\\b(?:const|let) ${name}\\b[^=;\\n]*= (?:Path::new\\()?['"]([^'"]+)['"]`, 'g');
  return [...code.matchAll(given)].map(([, value]) => value);
}
