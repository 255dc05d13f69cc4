// HTML text in which nothing that came from outside can be markup. Owner: pure. Not hot.
//
// A result holds strings of files and of systems: topic names, settings, error texts. Every value put into a template is
// escaped, whatever its type says, because a result read back from a file is what its author made it.

/** Text that is markup on purpose. Made in this file alone. */
class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Html = Markup;

type Piece = Html | string | number | readonly Html[];

export function html(parts: TemplateStringsArray, ...values: readonly Piece[]): Html {
  return new Markup(parts.map((part, at) => (at === 0 ? part : markup(values[at - 1]!) + part)).join(''));
}

function markup(value: Piece): string {
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(markup).join('');
  return escapeHtml(String(value));
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => entities[sign]!);
}

/** Our own script or style, to the letter: the page's policy names it by its hash. */
export function verbatim(element: 'script' | 'style', text: string): Html {
  return new Markup(`<${element}>${text}</${element}>`);
}

/** JSON in a script element that is data: no text in it can end the element. */
export function dataScript(id: string, value: unknown): Html {
  const element = 'script';
  const json = JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return new Markup(`<${element} type="application/json" id="${escapeHtml(id)}">${json}</${element}>`);
}
