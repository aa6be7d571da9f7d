// The pictures: one canvas, one camera, and one or two scenes beside each other.

import {
  Box3,
  Color,
  DirectionalLight,
  Fog,
  GridHelper,
  HemisphereLight,
  Mesh,
  MeshStandardMaterial,
  PCFShadowMap,
  PerspectiveCamera,
  PlaneGeometry,
  Scene,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { ENDLESS } from "./shapes.js";

const FLAT = 30; // degrees, the field of view of what stands for a camera without perspective
const UP = new Vector3(0, 0, 1);

/** One picture's scene: lights, floor, and who acts in it. */
export class Side {
  constructor(actor, grid) {
    this.actor = actor;
    this.scene = new Scene();
    this.scene.add(actor.group);
    this.sun = new DirectionalLight(0xffffff, 2.1);
    this.sun.castShadow = true;
    this.sun.shadow.mapSize.set(2048, 2048);
    this.sun.shadow.bias = -0.0004;
    this.sun.shadow.normalBias = 0.002;
    this.sun.shadow.radius = 3;
    this.sky = new HemisphereLight(0xffffff, 0xb8b4ac, 1.7);
    this.scene.add(this.sun, this.sun.target, this.sky);
    this.floor = new Mesh(
      new PlaneGeometry(2 * ENDLESS, 2 * ENDLESS),
      new MeshStandardMaterial({ roughness: 1 }),
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
  about(centre, extent, colours) {
    const low = this.lowest;
    this.scene.background = colours.sky;
    this.scene.fog = new Fog(colours.sky, 4 * extent, 16 * extent);
    this.floor.material.color = colours.floor;
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
    const size = box.getSize(new Vector3()).length() / 2;
    this.extent = Math.min(size || 1, 1.2 * far);
    this.controls.minDistance = 0.1 * this.extent;
    this.controls.maxDistance = 8 * this.extent;
    this.camera.near = 0.02 * far;
    this.camera.far = 100 * this.extent + 2 * far;
    this.camera.position.copy(from);
    this.controls.target.copy(target);
    this.followed = null;
    this.controls.update();
    this.resize();
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

  /** The camera of a scene that is followed goes with what acts in it. */
  follow() {
    if (!this.follows || !this.geometry.trails.length) return;
    const { position } = this.sides[0].actor.frames[this.geometry.trails[0]];
    if (this.followed) {
      const moved = new Vector3().subVectors(position, this.followed).setZ(0);
      this.camera.position.add(moved);
      this.controls.target.add(moved);
    }
    this.followed = position.clone();
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
    const colours = this.colours();
    this.renderer.setScissorTest(true);
    this.places().forEach(([x, y, width, height], k) => {
      const side = this.sides[k];
      const aspect = width / height;
      this.camera.aspect = aspect;
      // What a square picture shows is to be seen in a narrow one too.
      const half = Math.tan((this.fov * Math.PI) / 360) / Math.min(aspect, 1);
      this.camera.fov = (Math.atan(half) * 360) / Math.PI;
      this.camera.updateProjectionMatrix();
      side.about(this.controls.target, this.extent, colours);
      this.renderer.setViewport(x, y, width, height);
      this.renderer.setScissor(x, y, width, height);
      this.renderer.clear();
      this.renderer.render(side.scene, this.camera);
    });
  }

  colours() {
    const style = getComputedStyle(this.canvas);
    const colour = (name) => new Color(style.getPropertyValue(name).trim());
    return { sky: colour("--ev-sky"), floor: colour("--ev-floor") };
  }
}
