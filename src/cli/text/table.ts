/**
 * Columns for a person: headings, then rows, three spaces between columns, no trailing space. A cell may hold several
 * lines. By hand, since it is twenty lines: the packages for this draw boxes and bring colours along.
 */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines: string[][] = [[...headings]];
  for (const row of rows) {
    const cells = row.map((cell) => cell.split("\n"));
    const height = Math.max(1, ...cells.map((cell) => cell.length));
    for (let i = 0; i < height; i++) lines.push(cells.map((cell) => cell[i] ?? ""));
  }
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd((widths[column] as number) + 3)).join(""))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}
