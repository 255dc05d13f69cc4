export const franzGroup = { name: 'franz', prepare() {}, cases: [] };
