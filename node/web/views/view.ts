/** What a view is. */

/** A part of the page: draws itself into an element, and again when something changed. */
export interface View {
  /** In the navigation. */
  readonly title: string;
  /** At least so long between two drawings by itself, ms: what costs the node much is asked for seldom. */
  readonly paceMs?: number;
  /** Asks the node and draws; rejects with `Problem`. `rest` is what follows the view's name in the address. */
  draw(main: HTMLElement, rest: string): Promise<void>;
}
