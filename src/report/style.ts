/** How parts of a text stand out. A view never asks whether there is colour: it is handed one of these. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
  green(text: string): string;
}

function plain(text: string): string {
  return text;
}

/** No colour at all. */
export const plainStyle: Style = { bold: plain, dim: plain, red: plain, yellow: plain, green: plain };

function code(on: number, off: number) {
  return (text: string) => `\u001B[${on}m${text}\u001B[${off}m`;
}

/** ANSI colours. */
export const colourStyle: Style = { bold: code(1, 22), dim: code(2, 22), red: code(31, 39), yellow: code(33, 39), green: code(32, 39) };
