export interface ExpressionProblem {
  readonly message: string;
  /** In the text, from 0. */
  readonly offset: number;
  /** The name that stands for nothing, where that is the problem. */
  readonly unknown?: string;
  /** `unknown` is a function, not a variable. */
  readonly functions?: readonly string[];
}
