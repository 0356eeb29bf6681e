/**
 * Adds outputs to a loaded ONNX file: the last feature map and the layer after it. Mirrors
 * src/moue/classifier/features.py.
 */

/** Fields of ONNX's ModelProto, GraphProto and ValueInfoProto. */
const [GRAPH, OUTPUT, NAME] = [7, 12, 1];
const LENGTH_FOLLOWS = 2;

export interface FeatureSpec {
  /** The features before average pooling. */
  readonly output: string;
  /** "NCHW" or "NHWC". */
  readonly layout: string;
  /** The names of each head's weights and bias. */
  readonly layers: Readonly<Record<string, readonly string[]>>;
  /** How far each cell lies right of and below its tile, as a fraction of the tile's side. */
  readonly shift: number;
}

/**
 * An ONNX file with more of its tensors among its outputs. Two concatenated protocol buffers are read as one, so a
 * model that contains only names is appended.
 */
export function withOutputs(content: Uint8Array, names: readonly string[]): Uint8Array {
  const text = new TextEncoder();
  const graph = names.flatMap((name) => field(OUTPUT!, field(NAME!, [...text.encode(name)])));
  const added = field(GRAPH!, graph);
  const whole = new Uint8Array(content.length + added.length);
  whole.set(content);
  whole.set(added, content.length);
  return whole;
}

function field(number: number, payload: readonly number[]): number[] {
  return [...varint((number << 3) | LENGTH_FOLLOWS), ...varint(payload.length), ...payload];
}

/** Seven bits per byte, lowest first; the eighth bit is set if more bytes follow. */
function varint(number: number): number[] {
  const parts: number[] = [];
  let rest = number;
  for (; rest > 0x7f; rest >>>= 7) parts.push((rest & 0x7f) | 0x80);
  return [...parts, rest];
}
