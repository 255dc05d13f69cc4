// Java's .properties syntax, which OMB driver files hold as block strings. Owner: pure. Not hot.

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

export function readProperties(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of logicalLines(text)) {
    const end = keyEnd(line);
    const value = /^[ \t\f]*(?:[=:][ \t\f]*)?([^]*)$/.exec(line.slice(end))![1]!;
    found[unescape(line.slice(0, end))] = unescape(value);
  }
  return found;
}

/** Comments and blank lines gone; a backslash at the end joins the next line without its indent. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let joined: string | null = null;
  for (const raw of text.split(/\r\n|\r|\n/)) {
    const line: string = raw.replace(/^[ \t\f]+/, '');
    if (joined === null && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue;
    const whole: string = (joined ?? '') + line;
    const continues: boolean = /\\*$/.exec(line)![0].length % 2 === 1;
    joined = continues ? whole.slice(0, -1) : null;
    if (!continues) lines.push(whole);
  }
  if (joined !== null) lines.push(joined);
  return lines;
}

/** Up to the first separator that is not escaped. */
function keyEnd(line: string): number {
  for (let i = 0; i < line.length; i++) {
    if (line[i] === '\\') i++;
    else if (/[=: \t\f]/.test(line[i]!)) return i;
  }
  return line.length;
}

function unescape(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([^]))/g, (_, code: string | undefined, letter: string | undefined) =>
    code === undefined ? (escapes[letter!] ?? letter!) : String.fromCharCode(Number.parseInt(code, 16)),
  );
}
