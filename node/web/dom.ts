/** Elements, made and put in place. Text is always text: nothing of a record is ever read as markup. */

type Child = Node | string | number | null | undefined | false | readonly Child[];
type Listener = (event: Event) => void;

/** Attributes of an element; `on…` are listeners, false and undefined are left out. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined | Listener>>;

/** Makes an element: `h("td", { class: "right" }, "42")`. */
export function h<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2).toLowerCase(), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(parent: Node, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (child instanceof Node) parent.appendChild(child);
    else if (typeof child === "object") append(parent, child);
    else parent.appendChild(document.createTextNode(String(child)));
  }
}

/** Puts children in the place of what an element holds. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren();
  append(element, children);
}

/** A table with a caption for those who hear it; each row is a list of cells, or a row that was made already. */
export function table(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly Child[] | HTMLTableRowElement)[],
): HTMLElement {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
      h(
        "tbody",
        {},
        ...rows.map((row) =>
          row instanceof HTMLTableRowElement ? row : h("tr", {}, ...row.map((cell) => h("td", {}, cell))),
        ),
      ),
    ),
  );
}

/** A word in a coloured pill; the word says it, the colour only helps. */
export function pill(word: string, tone: "good" | "watch" | "bad" | "none" = "none"): HTMLElement {
  return h("span", { class: `pill ${tone}` }, word);
}
