// One episode's bodies: what is drawn of a task, put where the episode has it.

import {
  BufferAttribute,
  BufferGeometry,
  Group,
  Line,
  LineBasicMaterial,
  Mesh,
  Quaternion,
} from "three";
import { decoded } from "./data.js";
import { material, paint, shape } from "./shapes.js";

const TRAIL = [0xf08c00, 0x1c7ed6, 0x2f9e44, 0xae3ec9];
const GHOST = 0.38; // opacity of what stands as a ghost in another's picture
const LIFT = 0.002; // m, of trails

export class Actor {
  constructor(geometry, meshes) {
    this.geometry = geometry;
    this.group = new Group();
    this.frames = geometry.frames.map(() => new Group());
    this.still = new Group();
    this.marks = new Group();
    this.trails = new Group();
    this.group.add(this.still, this.marks, this.trails, ...this.frames);
    this.meshes = meshes;
    this.drawn = geometry.drawn.map((about) => {
      const thing = new Mesh(undefined, material());
      thing.receiveShadow = true;
      (about.frame < 0 ? this.still : this.frames[about.frame]).add(thing);
      return thing;
    });
    this.ghost = false;
    this.turn = new Quaternion();
  }

  /** Show another episode. */
  show(episode) {
    this.episode = episode;
    this.steps = episode.steps;
    this.poses = decoded(episode.arrays);
    const changes = new Map(episode.changes);
    this.geometry.drawn.forEach((usual, k) => {
      this.put(this.drawn[k], { ...usual, ...changes.get(k) });
    });
    this.marks.clear();
    for (const [pos, size, rgba, quat] of episode.marks) {
      const thing = new Mesh(undefined, material());
      this.put(thing, { type: "box", size, rgba, pos, quat });
      thing.castShadow = false;
      this.marks.add(thing);
    }
    this.drawTrails();
    this.haunt(this.ghost);
  }

  put(thing, about) {
    const { type, size, rgba, pos, quat } = about;
    const key = `${type} ${size} ${about.mesh}`;
    if (thing.userData.key !== key) {
      thing.userData.key = key;
      thing.geometry = shape(type, size, this.meshes[about.mesh]);
    }
    thing.userData.rgba = rgba;
    thing.userData.type = type;
    paint(thing.material, rgba);
    thing.visible = rgba[3] > 0;
    thing.castShadow = rgba[3] > 0.6 && type !== "plane";
    thing.position.set(...pos);
    thing.quaternion.set(quat[1], quat[2], quat[3], quat[0]);
  }

  drawTrails() {
    for (const line of this.trails.children) line.geometry.dispose();
    this.trails.clear();
    this.geometry.trails.forEach((frame, k) => {
      const places = new Float32Array(3 * (this.steps + 1));
      for (let step = 0; step <= this.steps; step += 1) {
        const at = this.at(step, frame);
        places.set([this.poses[at], this.poses[at + 1], this.poses[at + 2] + LIFT], 3 * step);
      }
      const line = new Line(
        new BufferGeometry().setAttribute("position", new BufferAttribute(places, 3)),
        new LineBasicMaterial({ color: TRAIL[k % TRAIL.length] }),
      );
      line.frustumCulled = false;
      this.trails.add(line);
    });
  }

  at(step, frame) {
    return (step * this.frames.length + frame) * 7;
  }

  /** Go to a step; between two, part of the way. After its end an episode stands still. */
  go(time) {
    const step = Math.min(Math.floor(time), this.steps);
    const part = Math.min(time - step, 1);
    this.frames.forEach((frame, k) => {
      const at = this.at(step, k);
      const p = this.poses;
      frame.position.set(p[at], p[at + 1], p[at + 2]);
      frame.quaternion.set(p[at + 4], p[at + 5], p[at + 6], p[at + 3]);
      if (part > 0 && step < this.steps) {
        const to = this.at(step + 1, k);
        frame.position.x += part * (p[to] - p[at]);
        frame.position.y += part * (p[to + 1] - p[at + 1]);
        frame.position.z += part * (p[to + 2] - p[at + 2]);
        this.turn.set(p[to + 4], p[to + 5], p[to + 6], p[to + 3]);
        frame.quaternion.slerp(this.turn, part);
      }
    });
    for (const line of this.trails.children) line.geometry.setDrawRange(0, step + 1);
  }

  /** Where each frame is now, as data files have it: position, then quaternion (w, x, y, z). */
  places() {
    return this.frames.map(({ position: p, quaternion: q }) => [
      p.x,
      p.y,
      p.z,
      q.w,
      q.x,
      q.y,
      q.z,
    ]);
  }

  /** Be a ghost in another's picture: only what moves, seen through. */
  haunt(ghost) {
    this.ghost = ghost;
    this.still.visible = !ghost;
    this.marks.visible = !ghost;
    for (const thing of this.drawn) {
      const rgba = thing.userData.rgba;
      if (!rgba) continue;
      paint(thing.material, ghost ? [rgba[0], rgba[1], rgba[2], rgba[3] * GHOST] : rgba);
      thing.castShadow = !ghost && rgba[3] > 0.6 && thing.userData.type !== "plane";
    }
  }
}
