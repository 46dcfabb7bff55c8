/** What is used of jstat, which brings no types. */
declare module "jstat" {
  const jstat: {
    readonly studentt: {
      /** The quantile of Student's t distribution: where its cumulative probability is `probability`. */
      inv(probability: number, degreesOfFreedom: number): number;
    };
  };
  export default jstat;
}
