export const platformaticGroup = { name: 'platformatic', prepare() {}, cases: [] };
