// What the command ends with. 0: all is measured; saturated runs are measurements too. Owner: pure.

/** A run is INVALID. */
export const EXIT_INVALID = 2;
/** The harness failed. */
export const EXIT_FAILED = 3;
