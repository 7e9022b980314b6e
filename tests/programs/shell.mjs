// Reads which programs a Bash script starts. It knows the grammar as far as this repository's scripts use it.

// What is no program at the beginning of a command: the grammar's own words, and what Bash does itself.
const RESERVED = new Set('if then elif else fi while until do done ! time'.split(' '));
const BUILTINS = new Set(
  `. : [ alias bg bind break builtin caller cd command compgen complete compopt continue declare dirs disown
   echo enable eval exec exit export false fc fg getopts hash help history jobs kill let local logout
   mapfile popd printf pushd pwd read readarray readonly return set shift shopt source suspend test times
   trap true type typeset ulimit umask unalias unset wait for case function select`.split(/\s+/),
);
// They start the command that follows them and this many words of their own.
const PREFIXES = {
  builtin: 0,
  chroot: 1,
  command: 0,
  env: 0,
  exec: 0,
  nohup: 0,
  setpriv: 0,
  setsid: 0,
  sudo: 0,
  unshare: 0,
  xargs: 0,
};
const emptyScript = (arrays = new Map()) => ({ commands: [], arrays, functions: new Map() });

/** What a script does: its commands as lists of words, its arrays, and the functions that it defines, which are scripts too. */
export function readScript(source) {
  const script = emptyScript();
  new Reader(source, 0, script).readUntil('');
  return script;
}

class Reader {
  /** The words of the command that is being read. */
  #words = [];
  /** The ends of the here-documents that begin on the next line. */
  #documents = [];
  /** For each `case` that is open: whether a pattern comes next, or commands do. */
  #cases = [];

  constructor(source, at, script) {
    this.source = source;
    this.at = at;
    this.script = script;
  }

  /** Reads commands up to the closing mark, or all of them; answers the place after it. */
  readUntil(closer) {
    while (this.at < this.source.length) {
      if (this.#cases.at(-1) === 'pattern') this.#readPattern();
      else if (this.source[this.at] === closer) break;
      else this.#readSeparator() || this.#readRedirection() || this.#readBracket() || this.#readCommandWord();
    }
    this.#finishCommand();
    return this.at + 1;
  }

  /** What the pattern finds right here, and moves behind it. */
  #take(pattern) {
    pattern.lastIndex = this.at;
    const [found] = pattern.exec(this.source) ?? [];
    this.at += found?.length ?? 0;
    return found;
  }

  #skipPast(mark) {
    const found = this.source.indexOf(mark, this.at);
    if (found === -1) throw new Error(`${mark} is missing after: ${this.source.slice(this.at, this.at + 40)}`);
    this.at = found + mark.length;
  }

  #readInner(closer, script = this.script) {
    this.at = new Reader(this.source, this.at, script).readUntil(closer);
  }

  #finishCommand() {
    if (this.#words.length > 0) this.script.commands.push(this.#words);
    this.#words = [];
  }

  #readPattern() {
    this.#take(/(\s|#.*)*/y);
    if (this.#take(/esac\b/y)) this.#cases.pop();
    else {
      this.#skipPast(')');
      this.#cases[this.#cases.length - 1] = 'commands';
    }
  }

  #readSeparator() {
    if (this.#take(/([ \t]|\\\n)+|#.*/y)) return true;
    const mark = this.#take(/\n|;;|[;|]|&(?!>)/y);
    if (mark === undefined) return false;
    this.#finishCommand();
    if (mark === ';;') this.#cases[this.#cases.length - 1] = 'pattern';
    if (mark === '\n') {
      this.at -= 1;
      for (const end of this.#documents.splice(0)) this.#skipPast(`\n${end}`);
      this.#take(/\n/y);
    }
    return true;
  }

  #readRedirection() {
    const mark = this.#take(/(\d*(<<<|<<|<&|>&|>>|<>|>\||[<>](?!\())|&>>?)[ \t]*/y);
    if (mark === undefined) return false;
    const { text } = this.#readWord();
    if (mark.trim() === '<<') this.#documents.push(text);
    return true;
  }

  #readBracket() {
    const isCount = this.#words.length === 0 || this.#words[0] === 'for';
    const opened =
      (isCount && this.#take(/\(\(/y)) || (this.#words.length === 1 && this.#take(/\(\)\s*[{(]/y)) || this.#take(/\(/y);
    if (!opened) return false;
    if (opened === '((') this.#skipPast('))');
    else if (opened === '(') this.#readInner(')');
    else {
      const body = emptyScript(this.script.arrays);
      this.script.functions.set(this.#words.pop(), body);
      this.#readInner(opened.endsWith('{') ? '}' : ')', body);
    }
    return true;
  }

  #readCommandWord() {
    const start = this.at;
    const { text, isAssignment } = this.#readWord();
    if (this.at === start) throw new Error(`not understood: ${this.source.slice(start, start + 40)}`);
    if (this.#words.length > 0) this.#words.push(text);
    else if (text === '[[') this.#skipPast(' ]]');
    else if (text === '{') this.#readInner('}');
    else if (text === 'esac') this.#cases.pop();
    else if (text === 'case') {
      this.#skipPast(' in');
      this.#cases.push('pattern');
    } else if (!RESERVED.has(text) && !isAssignment) this.#words.push(text);
  }

  /** One word, its quotes taken off; the commands that it substitutes are noted. */
  #readWord() {
    const start = this.at;
    let text = '';
    let isQuoted = false;
    let braces = 0;
    while (this.at < this.source.length) {
      const isPlain = !isQuoted && braces === 0;
      const [, array] = (isPlain && /^(\w+)\+?=$/.exec(text)) || [];
      if (array && this.#take(/\(/y)) this.#readArray(array);
      else if (this.#take(/\$\(\(/y)) this.#skipPast('))');
      else if (this.#take(/\$\(/y) || (isPlain && this.#take(/[<>]\(/y))) {
        this.#readInner(')');
        text += '$';
      } else if (isPlain && this.#take(/'/y)) {
        const inside = this.at;
        this.#skipPast("'");
        text += this.source.slice(inside, this.at - 1);
      } else if (this.#take(/"/y)) isQuoted = !isQuoted;
      else if (isPlain && /[\s;&|()<>]/.test(this.source[this.at])) break;
      else {
        const piece = this.#take(/\\[^]|\$\{|[^]/y);
        if (piece === '${') braces += 1;
        if (piece === '}' && braces > 0) braces -= 1;
        text += piece.length === 2 && piece[0] === '\\' ? piece[1] : piece;
      }
    }
    return { text, isAssignment: /^\w+(\[.*\])?\+?=/.test(this.source.slice(start, this.at)) };
  }

  /** Its lines are one list of words. */
  #readArray(name) {
    const found = emptyScript();
    this.#readInner(')', found);
    this.script.commands.push(...[...found.functions.values()].flatMap(({ commands }) => commands));
    const words = found.commands.flat();
    this.script.arrays.set(name, [...(this.script.arrays.get(name) ?? []), words]);
  }
}

/** The names that commands start, functions of the house among them; `prefixes` are functions that start what follows. */
export function startedBy({ commands, arrays }, prefixes = {}) {
  const known = { ...PREFIXES, ...prefixes };
  const names = new Set();
  const opened = new Set();
  const note = (words) => {
    const [first, ...others] = words;
    if (first === undefined) return;
    const array = /^\$\{(\w+)\[@\]\}$/.exec(first);
    if (array && !opened.has(array[1])) {
      opened.add(array[1]);
      for (const elements of arrays.get(array[1]) ?? []) note(elements);
    } else if (array) return;
    else if (!BUILTINS.has(first)) names.add(first);
    if (first === 'trap') noteText(others[0]);
    if (['sh', 'bash'].includes(first) && others.includes('-c')) noteText(others[others.indexOf('-c') + 1]);
    if (first === 'find' && others.includes('-exec')) note(others.slice(others.indexOf('-exec') + 1));
    const asks = first === 'command' && others[0] === '-v';
    if (Object.hasOwn(known, first) && !asks) note(others.filter(isOperand()).slice(known[first]));
  };
  const noteText = (text = '') => {
    const script = readScript(text);
    for (const words of script.commands) note(words);
  };
  for (const words of commands) note(words);
  return names;
}

/** Options and variables stand before a prefix's command; those after its first word are that command's own. */
function isOperand() {
  let begun = false;
  return (word) => (begun ||= !/^-|^\w+=/.test(word));
}

/** The names that a script asks for: by `want`, or by looking with `command -v`. */
export function askedBy({ commands }) {
  const names = commands.flatMap(([first, ...others]) => {
    if (first === 'want') return others;
    return first === 'command' && others[0] === '-v' ? others.slice(1) : [];
  });
  return new Set(names);
}
