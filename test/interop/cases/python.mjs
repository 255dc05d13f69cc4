export const pythonGroup = { name: 'python', prepare() {}, cases: [] };
