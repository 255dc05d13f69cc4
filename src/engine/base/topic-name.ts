// What a topic may be called. Owner: any thread; no state. Not hot.
//
// A name becomes part of a directory name (`<topic>-<partition>`), hence the alphabet and the length. '.' and '_' are the
// same character to metric systems, so two names that differ only there would share their metrics: they collide.

const TOPIC_NAME_LENGTH_MAX = 249;
const TOPIC_NAME = /^[a-zA-Z0-9._-]+$/;

/** The reason a name is refused, or null. */
export function topicNameProblem(name: string): string | null {
  if (name.length === 0) return 'a topic name has at least 1 character';
  if (name === '.' || name === '..') return `a topic cannot be called '${name}'`;
  if (name.length > TOPIC_NAME_LENGTH_MAX) {
    return `a topic name has at most ${TOPIC_NAME_LENGTH_MAX} characters, this one has ${name.length}`;
  }
  if (!TOPIC_NAME.test(name)) return `a topic name is made of ASCII letters, digits, '.', '_' and '-': '${name}' is not`;
  return null;
}

/** Names with the same key collide. */
export function topicCollisionKey(name: string): string {
  return name.replaceAll('.', '_');
}
