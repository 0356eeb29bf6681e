/** Pairs rows with columns so that the sum of their values is largest. Mirrors src/moue/recognition/assignment.py. */

/** The pairs [row, column], at most one per row and column; the Hungarian method with shortest paths. */
export function assign(values: readonly (readonly number[])[]): [number, number][] {
  const rows = values.length;
  const columns = values[0]?.length ?? 0;
  if (rows > columns) {
    const turned = Array.from({ length: columns }, (_, column) => values.map((row) => row[column]!));
    return assign(turned).map(([column, row]): [number, number] => [row, column]).sort((one, two) => one[0] - two[0]);
  }
  // Each search begins in an extra last column, which holds the row to be paired.
  const rowOf = new Array<number>(columns + 1).fill(-1);
  const rowPrice = new Array<number>(rows).fill(0);
  const columnPrice = new Array<number>(columns + 1).fill(0);
  for (let row = 0; row < rows; row += 1) {
    let column = columns;
    rowOf[columns] = row;
    const least = new Array<number>(columns).fill(Infinity);
    const cameFrom = new Array<number>(columns).fill(columns);
    const open = new Array<boolean>(columns + 1).fill(true);
    while (rowOf[column]! >= 0) {
      open[column] = false;
      const here = rowOf[column]!;
      let nearest = -1;
      for (let other = 0; other < columns; other += 1) {
        if (!open[other]) continue;
        const cost = -values[here]![other]! - rowPrice[here]! - columnPrice[other]!;
        if (cost < least[other]!) [least[other], cameFrom[other]] = [cost, column];
        if (nearest < 0 || least[other]! < least[nearest]!) nearest = other;
      }
      const step = least[nearest]!;
      for (let other = 0; other <= columns; other += 1) {
        if (!open[other]) {
          rowPrice[rowOf[other]!]! += step;
          columnPrice[other]! -= step;
        } else if (other < columns) least[other]! -= step;
      }
      column = nearest;
    }
    while (column !== columns) {
      rowOf[column] = rowOf[cameFrom[column]!]!;
      column = cameFrom[column]!;
    }
  }
  return rowOf
    .slice(0, columns)
    .flatMap((row, column): [number, number][] => (row >= 0 ? [[row, column]] : []))
    .sort((one, two) => one[0] - two[0]);
}
