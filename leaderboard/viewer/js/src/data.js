// Data files: scripts that hand a gzipped block to `entitybenchViewer.put`, since a page from a
// disk may load nothing else. ../../coding.py writes them.

const waiting = new Map();

globalThis.entitybenchViewer = {
  put(name, text) {
    waiting.get(name)?.(text);
    waiting.delete(name);
  },
};

/** The header and arrays of the block that the script at a path hands over as `name`. */
export function load(path, name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    waiting.set(name, (text) => resolve(unpacked(text)));
    script.src = path;
    script.onerror = () => reject(new Error(`${script.src} cannot be loaded`));
    script.onload = () => {
      script.remove();
      if (waiting.delete(name)) reject(new Error(`${script.src} holds other data`));
    };
    document.head.append(script);
  });
}

const TYPES = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, i4: Int32Array };

async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const block = await new Response(stream).arrayBuffer();
  const length = new DataView(block).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(block, 4, length)));
  const arrays = {};
  for (const [name, { type, shape, at }] of Object.entries(header.arrays)) {
    const count = shape.reduce((product, size) => product * size, 1);
    const Kind = TYPES[type];
    const first = 4 + length + at; // sliced, since typed arrays begin at multiples of their size
    arrays[name] = new Kind(block.slice(first, first + count * Kind.BYTES_PER_ELEMENT));
    arrays[name].shape = shape;
  }
  return { ...header, arrays };
}

const UNIT = [1e-4, 1e-4, 1e-4, 1 / 32767, 1 / 32767, 1 / 32767, 1 / 32767];

/** Poses of an episode: Float64Array of (steps + 1) x frames x 7. */
export function decoded({ first, differences }) {
  const [planes, columns, steps] = differences.shape;
  const poses = new Float64Array((steps + 1) * columns);
  for (let column = 0; column < columns; column += 1) {
    let units = first[column];
    const unit = UNIT[column % 7];
    poses[column] = units * unit;
    for (let step = 0; step < steps; step += 1) {
      let zigzag = 0;
      for (let plane = planes - 1; plane >= 0; plane -= 1) {
        zigzag = zigzag * 256 + differences[(plane * columns + column) * steps + step];
      }
      units += zigzag % 2 ? -(zigzag + 1) / 2 : zigzag / 2;
      poses[(step + 1) * columns + column] = units * unit;
    }
  }
  return poses;
}
