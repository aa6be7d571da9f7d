// The pictures: one canvas, one camera, and one or two scenes beside each other.

import {
  Box3,
  Color,
  DirectionalLight,
  Fog,
  GridHelper,
  HemisphereLight,
  Mesh,
  PCFShadowMap,
  PerspectiveCamera,
  PlaneGeometry,
  Scene,
  ShadowMaterial,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { ENDLESS } from "./shapes.js";

const FLAT = 30; // degrees, the field of view of what stands for a camera without perspective
const FULL = 0.88; // of half of a square picture, that a scene fills
const LARGER = 1.15; // times as far from the scene as its camera stands is still near enough
const UP = new Vector3(0, 0, 1);

/** One picture's scene: lights, floor, and who acts in it. */
export class Side {
  constructor(actor, grid) {
    this.actor = actor;
    this.scene = new Scene();
    this.scene.add(actor.group);
    this.sun = new DirectionalLight(0xffffff, 1.7);
    this.sun.castShadow = true;
    this.sun.shadow.mapSize.set(2048, 2048);
    this.sun.shadow.bias = -0.0004;
    this.sun.shadow.normalBias = 0.002;
    this.sun.shadow.radius = 3;
    this.sky = new HemisphereLight(0xffffff, 0xd9d6d0, 2.1);
    this.scene.add(this.sun, this.sun.target, this.sky);
    // Only shadows of it are seen, so that it has no edge.
    this.floor = new Mesh(
      new PlaneGeometry(2 * ENDLESS, 2 * ENDLESS),
      new ShadowMaterial({ opacity: 0.22 }),
    );
    this.floor.receiveShadow = true;
    this.scene.add(this.floor);
    this.step = grid;
    if (grid) {
      this.grid = new GridHelper(60 * grid, 60, 0x000000, 0x000000);
      this.grid.rotation.x = Math.PI / 2;
      this.grid.material.transparent = true;
      this.grid.material.opacity = 0.22;
      this.scene.add(this.grid);
    }
  }

  /** Light and floor for what the camera looks at. */
  about(centre, extent, sky) {
    const low = this.lowest;
    this.scene.background = sky;
    this.scene.fog = new Fog(sky, 6 * extent, 20 * extent);
    this.floor.position.set(centre.x, centre.y, low - 0.0015);
    this.sun.target.position.copy(centre);
    this.sun.position.set(-0.5, -0.7, 1.5).multiplyScalar(2 * extent).add(centre);
    const { camera } = this.sun.shadow;
    camera.left = camera.bottom = -1.3 * extent;
    camera.right = camera.top = 1.3 * extent;
    camera.near = 0.1 * extent;
    camera.far = 6 * extent;
    camera.updateProjectionMatrix();
    if (this.grid) {
      const snap = (x) => Math.round(x / this.step) * this.step;
      this.grid.position.set(snap(centre.x), snap(centre.y), low + 0.001);
    }
  }

  /** Box of all that is drawn but planes; how low it goes. */
  measure() {
    const box = new Box3();
    let plane = Infinity;
    this.scene.updateMatrixWorld(true);
    for (const thing of this.actor.drawn) {
      if (!thing.visible) continue;
      const own = new Box3().setFromObject(thing);
      if (thing.userData.type === "plane") plane = Math.min(plane, own.min.z);
      else box.union(own);
    }
    this.lowest = Number.isFinite(plane) ? plane : box.min.z;
    return box;
  }
}

export class Stage {
  /** Throws where there is no WebGL. */
  constructor(canvas, geometry, calm) {
    this.canvas = canvas;
    this.geometry = geometry;
    this.renderer = new WebGLRenderer({ canvas, antialias: true });
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = PCFShadowMap;
    this.renderer.autoClear = false;
    this.camera = new PerspectiveCamera(45, 1, 0.01, 500);
    this.camera.up.copy(UP);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.enableDamping = !calm;
    this.controls.maxPolarAngle = Math.PI * 0.52;
    canvas.style.touchAction = "pan-y"; // a finger that goes up or down scrolls the page
    this.controls.addEventListener("change", () => this.ask());
    this.sides = [];
    this.asked = false;
    this.followed = null;
    this.fov = 45;
  }

  /** Draw soon, once. */
  ask() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  /** Look through one of the task's cameras. */
  look(name) {
    const camera = this.geometry.cameras.find((each) => each.name === name);
    const box = this.sides[0].measure();
    const middle = this.middle(box);
    const m = camera.mat; // its columns are right, up and back
    const back = new Vector3(m[2], m[5], m[8]);
    const up = new Vector3(m[1], m[4], m[7]);
    const from = new Vector3(...camera.pos);
    if (camera.follows) {
      const start = this.geometry.trails.length ? this.start() : middle;
      from.add(new Vector3().subVectors(middle, start).setZ(0));
    }
    let far = Math.max(from.clone().sub(middle).dot(back), 0.05);
    const target = from.clone().addScaledVector(back, -far);
    this.fov = camera.fovy;
    if (camera.flat) {
      far = camera.fovy / 2 / Math.tan((FLAT * Math.PI) / 360);
      this.fov = FLAT;
      from.copy(target).addScaledVector(back, far);
    }
    // Not quite from above, where turning about the vertical would have no beginning.
    if (Math.abs(back.z) > 0.999) from.addScaledVector(up, -0.002 * far);
    this.follows = camera.follows;
    const [, , width, height] = this.places()[0];
    this.wide = Math.max(1, width / height || 1);
    const size = box.getSize(new Vector3()).length() / 2;
    this.extent = Math.min(size || 1, 1.2 * far);
    this.controls.minDistance = 0.1 * this.extent;
    this.controls.maxDistance = 8 * this.extent;
    this.camera.near = 0.02 * far;
    this.camera.far = 100 * this.extent + 2 * far;
    this.camera.position.copy(from);
    this.controls.target.copy(target);
    this.followed = this.led()?.clone() ?? null;
    if (!this.follows) this.fit(box);
    this.controls.update();
    this.resize();
  }

  /** Come nearer, where all that stands in the scene fits into the picture. */
  fit(box) {
    const { position } = this.camera;
    const { target } = this.controls;
    const back = position.clone().sub(target).normalize();
    const right = new Vector3().crossVectors(UP, back).normalize();
    const up = new Vector3().crossVectors(back, right);
    const middle = box.getCenter(new Vector3());
    const slope = FULL * Math.tan((this.fov * Math.PI) / 360);
    let far = 0;
    for (let k = 0; k < 8; k += 1) {
      const corner = new Vector3(
        box[k & 1 ? "max" : "min"].x,
        box[k & 2 ? "max" : "min"].y,
        box[k & 4 ? "max" : "min"].z,
      ).sub(middle);
      const half = Math.max(Math.abs(corner.dot(right)) / this.wide, Math.abs(corner.dot(up)));
      far = Math.max(far, half / slope + corner.dot(back));
    }
    // Else the scene is larger than what its camera is meant to show.
    if (far > LARGER * position.clone().sub(middle).dot(back)) return;
    target.copy(middle);
    position.copy(middle).addScaledVector(back, far);
  }

  /** Where is what a camera that follows goes with. */
  led() {
    const frame = this.geometry.trails[0];
    return frame === undefined ? undefined : this.sides[0].actor.frames[frame].position;
  }

  middle(box) {
    const { frames, geometry } = this.sides[0].actor;
    const chosen = geometry.trails.length ? geometry.trails.map((k) => frames[k]) : frames;
    if (!chosen.length) return box.getCenter(new Vector3());
    const sum = new Vector3();
    for (const frame of chosen) sum.add(frame.position);
    return sum.divideScalar(chosen.length);
  }

  start() {
    const { actor } = this.sides[0];
    const at = actor.at(0, this.geometry.trails[0]);
    return new Vector3(actor.poses[at], actor.poses[at + 1], actor.poses[at + 2]);
  }

  /** A camera that follows goes with what acts. */
  follow() {
    if (!this.follows || !this.followed) return;
    const moved = new Vector3().subVectors(this.led(), this.followed).setZ(0);
    this.camera.position.add(moved);
    this.controls.target.add(moved);
    this.followed.copy(this.led());
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.renderer.setSize(width, height, false);
    this.ask();
  }

  /** Places of the pictures: beside each other where it is wide, else one above the other. */
  places() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (this.sides.length < 2) return [[0, 0, width, height]];
    if (width >= 1.1 * height) {
      const half = Math.floor(width / 2);
      return [
        [0, 0, half - 1, height],
        [half + 1, 0, width - half - 1, height],
      ];
    }
    const half = Math.floor(height / 2);
    return [
      [0, half + 1, width, height - half - 1],
      [0, 0, width, half - 1],
    ];
  }

  draw() {
    if (!this.sides.length) return;
    this.follow();
    this.controls.update();
    const sky = new Color(getComputedStyle(this.canvas).getPropertyValue("--ev-sky").trim());
    this.renderer.setScissorTest(true);
    this.places().forEach(([x, y, width, height], k) => {
      const side = this.sides[k];
      const aspect = width / height;
      this.camera.aspect = aspect;
      // What this picture showed at first is to be seen in a narrower one too.
      const half = Math.tan((this.fov * Math.PI) / 360) * Math.max(1, this.wide / aspect);
      this.camera.fov = (Math.atan(half) * 360) / Math.PI;
      this.camera.updateProjectionMatrix();
      side.about(this.controls.target, this.extent, sky);
      this.renderer.setViewport(x, y, width, height);
      this.renderer.setScissor(x, y, width, height);
      this.renderer.clear();
      this.renderer.render(side.scene, this.camera);
    });
  }
}
