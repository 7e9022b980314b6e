// docs/conformance.md out of the answers.

const TITLES = {
  '00-accepted': 'Accepted cards',
  '01-text': 'Stage 1: the text',
  '02-form': 'Stage 2: the strict form',
  '03-trust-list': 'Stage 3: the trust list',
  '04-issuer': 'Stages 4 and 5: the issuer’s key and signature',
  '06-time': 'Stage 6: the card’s time',
  '07-proof': 'Stages 7 to 9: the phone’s proof',
  '10-challenge': 'Stage 10: the challenge',
  '11-status': 'Stage 11: the status list',
  '12-replay': 'Stage 12: replay',
};

const LIBRARIES = ['cwt', 'pycose'];

const INTRODUCTION = `# Conformance

Made by \`bin/conformance\`, which runs every vector of [\`crates/card/vectors\`](../crates/card/vectors/README.md) and fails on any deviation that
is not explained below. The columns:

- **Rust**: \`crates/card\`, by its example \`run_vectors\`.
- **browser**: the built package \`@profcards/verify\` in Chromium, once over WebCrypto's Ed25519 and once over the JavaScript fallback of
  browsers without it. Both agree where the column says so.
- **cwt** and **pycose**: two COSE libraries from PyPI that know nothing of this format (\`tests/conformance/check.py\`, versions in
  \`tests/conformance/requirements.txt\`). They are handed each message with the keys that could have signed it.

"agrees", of Rust and the browser: accepted or not, code, warning and what is allowed are as the vector says, and of an accepted card the number,
the class and the proof's identity. Of a library: every signature that the format's verdict rests on gets the same answer, and in a malformed token
something is refused too. "n.a.": the library has no such stage. "differs": it answers otherwise. The letters give the reason.
`;

const cell = (text) => text.replaceAll('|', '\\|');
const row = (...cells) => `| ${cells.join(' | ')} |`;
const heading = (...names) => [row(...names), row(...names.map(() => '---'))];

/** A letter for each reason, in the order in which they are met. */
function makeNotes() {
  const letters = new Map();
  return {
    of({ what, why }) {
      if (what === 'agrees') return what;
      if (!letters.has(why)) letters.set(why, String.fromCharCode(97 + letters.size));
      return `${what} ${letters.get(why)}`;
    },
    lines: () => [...letters].map(([why, letter]) => `- **${letter}** ${why}`),
  };
}

const own = (fault) => (fault === null ? 'agrees' : `differs: ${fault}`);

function verdictOf({ code, warning }) {
  return warning === null ? `\`${code}\`` : `\`${code}\`, \`${warning}\``;
}

function summaryLine(title, rows) {
  const conforming = (column) => `${rows.filter((one) => one[column] === null).length} of ${rows.length}`;
  const counts = (library) =>
    ['agrees', 'n.a.', 'differs'].map((what) => rows.filter((one) => one[library].what === what).length).join(' / ');
  return row(title, rows.length, conforming('rust'), conforming('browser'), ...LIBRARIES.map(counts));
}

function draftTable(draftRows) {
  const places = ({ places: count, bits }) =>
    bits === 2 ? `agrees, ${count} places` : 'n.a.: refused as `status-bad`';
  return [
    '## The Token Status List draft’s own lists',
    '',
    'Each stream stands byte for byte in a list signed as this format signs it, and paper cards ask for its places: every place of a small list; of a large one the',
    'marked places, those beside them, the last one and the first beyond the end. A list of this format has two bits a place; others are refused whole. Python inflates',
    'with `zlib` and compares every place.',
    '',
    ...heading('list', 'Rust', 'browser', 'Python'),
    ...draftRows.map((one) => row(cell(one.name), places(one), places(one), one.zlib.what)),
    '',
  ];
}

export function documentOf(stages, rows, draftRows) {
  const notes = makeNotes();
  const byName = new Map(rows.map((one) => [one.name, one]));
  const groups = stages.map(({ name, vectors }) => ({
    title: TITLES[name] ?? name,
    rows: vectors.map((vector) => byName.get(vector.name)),
  }));
  const tables = groups.flatMap(({ title, rows: ofStage }) => [
    `## ${title}`,
    '',
    ...heading('vector', 'verdict', 'Rust', 'browser', ...LIBRARIES.map((name) => `\`${name}\``)),
    ...ofStage.map((one) =>
      row(
        cell(one.name),
        verdictOf(one.expect),
        own(one.rust),
        own(one.browser),
        ...LIBRARIES.map((library) => notes.of(one[library])),
      ),
    ),
    '',
  ]);
  return (
    [
      INTRODUCTION,
      ...heading(
        'stage',
        'vectors',
        'Rust',
        'browser',
        ...LIBRARIES.map((name) => `\`${name}\`: agrees / n.a. / differs`),
      ),
      ...groups.map(({ title, rows: ofStage }) => summaryLine(title, ofStage)),
      summaryLine(
        '**all**',
        groups.flatMap(({ rows: ofStage }) => ofStage),
      ),
      '',
      ...notes.lines(),
      '',
      ...draftTable(draftRows),
      ...tables,
    ]
      .join('\n')
      .trimEnd() + '\n'
  );
}
