// What MuJoCo's shapes are in three.js.

import {
  BoxGeometry,
  BufferAttribute,
  BufferGeometry,
  CapsuleGeometry,
  Color,
  CylinderGeometry,
  MeshStandardMaterial,
  PlaneGeometry,
  SphereGeometry,
  SRGBColorSpace,
} from "three";

export const ENDLESS = 100; // m, half of the edge of a plane that MuJoCo has without end

/** The geometry of a shape, of MuJoCo's sizes: radii and half lengths. */
export function shape(type, size, mesh) {
  const [a, b, c] = size;
  switch (type) {
    case "box":
      return new BoxGeometry(2 * a, 2 * b, 2 * c);
    case "sphere":
      return new SphereGeometry(a, 32, 20);
    case "ellipsoid":
      return new SphereGeometry(1, 32, 20).scale(a, b, c);
    case "cylinder":
      return new CylinderGeometry(a, a, 2 * b, 48).rotateX(Math.PI / 2);
    case "capsule":
      return new CapsuleGeometry(a, 2 * b, 8, 24).rotateX(Math.PI / 2);
    case "plane":
      return new PlaneGeometry(2 * (a || ENDLESS), 2 * (b || ENDLESS));
    default:
      return mesh;
  }
}

/** A mesh of the geometry file: corners as shares of a box, faces as differences of indices. */
export function mesh([x, y, z, width, depth, height], corners, faces) {
  const count = corners.length / 3;
  const places = new Float32Array(3 * count);
  const low = [x, y, z];
  const size = [width, depth, height];
  for (let axis = 0; axis < 3; axis += 1) {
    for (let k = 0; k < count; k += 1) {
      places[3 * k + axis] = low[axis] + (corners[axis * count + k] / 65535) * size[axis];
    }
  }
  const indices = new faces.constructor(faces.length);
  for (let k = 0; k < faces.length; k += 1) indices[k] = faces[k] + (k ? indices[k - 1] : 0);
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(places, 3));
  geometry.setIndex(new BufferAttribute(indices, 1));
  geometry.computeVertexNormals();
  return geometry;
}

export function material() {
  return new MeshStandardMaterial({ roughness: 0.72, metalness: 0 });
}

/** Give a material a colour of MuJoCo's (red, green, blue, opacity), which monitors show as it is. */
export function paint(of, [red, green, blue, opacity]) {
  of.color = new Color().setRGB(red, green, blue, SRGBColorSpace);
  of.opacity = opacity;
  of.transparent = opacity < 1;
  of.depthWrite = opacity > 0.6;
  of.needsUpdate = true;
}
