// The viewer: finds its part of the page, loads its index and geometry, and ties all together.

import { Actor } from "./actor.js";
import { Clock } from "./clock.js";
import { load } from "./data.js";
import { element, List } from "./list.js";
import { mesh } from "./shapes.js";
import { Side, Stage } from "./stage.js";
import { drawStrip } from "./strip.js";

const KEPT = 40; // episodes in memory
const HINT = 4000; // ms
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

class Viewer {
  constructor(section) {
    this.section = section;
    this.root = section.dataset.root;
    this.find = (name) => section.querySelector(`[data-ev="${name}"]`);
    this.kept = new Map();
    this.place = 0; // of the episode, in its source
    this.turn = 0; // counts loads: of two that overlap the later one is shown
    this.usual = ""; // what is said where nothing else is
  }

  async begin() {
    this.section.querySelector(".ev-needs-script").hidden = false;
    [this.index, this.geometry] = await Promise.all([
      load(`${this.root}index.js`, "index"),
      load(this.section.dataset.geometry, "geometry"),
    ]);
    this.clock = new Clock(this.geometry.step, () => this.moved());
    this.list = new List(this.find, (place) => this.open(place));
    this.wire();
    try {
      this.stage = new Stage(this.find("canvas"), this.geometry, calm);
    } catch {
      this.usual = "This browser offers no WebGL, so nothing can be drawn; numbers and list work.";
    }
    if (this.stage) this.prepare();
    this.find("plain").hidden = true;
    const asked = this.address();
    await this.follow(asked);
    this.section.dataset.ready = "true";
    if (!calm && asked.step === null) this.clock.toggle();
  }

  prepare() {
    const { arrays } = this.geometry;
    this.meshes = this.geometry.meshes.map((box, k) =>
      mesh(box, arrays[`corners${k}`], arrays[`faces${k}`]),
    );
    this.actors = [0, 1].map(() => new Actor(this.geometry, this.meshes));
    this.pictures = this.actors.map((actor) => new Side(actor, this.geometry.grid));
    const view = this.find("view");
    for (const { name } of this.geometry.cameras) view.append(new Option(name, name));
    view.value = this.geometry.view;
    new ResizeObserver(() => {
      this.stage.resize();
      this.strip();
    }).observe(this.find("stage"));
    const canvas = this.find("canvas");
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.clock.stop(this.clock.time);
      this.say("The browser took the graphics away. It may give them back; else load the page anew.");
    });
    canvas.addEventListener("webglcontextrestored", () => {
      this.say("");
      this.stage.ask();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.stage.ask();
      this.strip();
    });
  }

  // What is shown.

  get source() {
    return this.index.sources[Number(this.find("agent").value)];
  }

  get other() {
    const chosen = this.find("beside").value;
    return chosen === "" ? null : this.index.sources[Number(chosen)];
  }

  async episode(source, item) {
    const name = `${source.folder}/${item}`;
    if (!this.kept.has(name)) {
      if (this.kept.size >= KEPT) this.kept.delete(this.kept.keys().next().value);
      this.kept.set(name, load(`${this.root}${name}.js`, name));
    }
    return this.kept.get(name);
  }

  /** Show the episode at a place of the source, from a step. */
  async open(place, step = 0) {
    const turn = (this.turn += 1);
    const item = this.source.item[place];
    const beside = this.other && this.other.item.includes(item) ? this.other : null;
    let shown;
    try {
      shown = await Promise.all(
        [this.source, beside].filter(Boolean).map((source) => this.episode(source, item)),
      );
    } catch (error) {
      this.say(`${error.message}.`);
      return;
    }
    if (turn !== this.turn) return;
    this.say(this.usual);
    this.place = place;
    this.item = item;
    this.shown = shown;
    this.clock.last = Math.max(...shown.map((episode) => episode.steps));
    this.find("slider").max = this.clock.last;
    if (this.stage) this.arrange();
    this.list.show(place);
    this.about(beside);
    this.strip();
    this.clock.stop(step);
  }

  arrange() {
    const two = this.shown.length > 1;
    const ghost = two && this.find("arrangement").value === "ghost";
    const first = !this.stage.sides.length;
    this.shown.forEach((episode, k) => {
      this.actors[k].haunt(k === 1 && ghost);
      this.actors[k].show(episode);
      this.actors[k].go(0);
    });
    this.pictures[1].scene.add(this.actors[1].group);
    if (ghost) this.pictures[0].scene.add(this.actors[1].group);
    this.stage.sides = two && !ghost ? this.pictures : this.pictures.slice(0, 1);
    for (const side of this.stage.sides) side.measure();
    this.trail();
    this.find("stage").dataset.pictures = this.stage.sides.length;
    if (first || this.stage.follows) this.stage.look(this.find("view").value);
    this.stage.ask();
  }

  trail() {
    for (const actor of this.actors) actor.trails.visible = this.find("trail").checked;
    this.stage.ask();
  }

  strip() {
    drawStrip(this.find("strip"), this.shown?.[0]);
  }

  say(words) {
    const message = this.find("message");
    message.textContent = words;
    message.hidden = !words;
  }

  about(beside) {
    const two = Boolean(beside);
    this.find("arrangement-label").hidden = !two;
    this.find("name-a").textContent = two ? `A: ${this.source.name}` : this.source.name;
    this.find("name-b").hidden = !two;
    if (two) this.find("name-b").textContent = `B: ${beside.name}`;
    const parts = [this.source, beside].filter(Boolean).map((source, k) => {
      const at = source.item.indexOf(this.source.item[this.place]);
      const list = element("dl");
      const say = (name, value) => {
        const row = element("div");
        row.append(element("dt", name), value instanceof Node ? value : element("dd", value));
        list.append(row);
      };
      say("Agent", source.name);
      say("Start", `${source.item[at]}, drawn from this seed`);
      say("Outcome", source.success[at] ? "✓ success" : "✗ failed");
      say("Steps", `${source.steps[at]}, return ${source.return[at]}`);
      const { states } = this.shown[k];
      if (states) {
        const link = element("a", "float64, .npy");
        link.href = this.root + states.file;
        link.download = "";
        const cell = element("dd");
        cell.append(link, ` ${states.shape.join(" × ")}, SHA-256 `, element("code", states.sha256));
        say("Exact states", cell);
      }
      const bundle = element("dd", `level ${source.level}, SHA-256 `);
      bundle.append(element("code", source.sha256));
      say("Bundle", bundle);
      return list;
    });
    this.find("about").replaceChildren(...parts);
  }

  // Time.

  moved() {
    const { time, last, playing } = this.clock;
    const step = Math.floor(time);
    if (this.stage) {
      this.shown.forEach((_, k) => this.actors[k].go(time));
      this.stage.ask();
    }
    const slider = this.find("slider");
    slider.value = String(step);
    const seconds = (step * this.geometry.step).toFixed(2);
    const done = this.shown.map(({ arrays, steps }) =>
      Math.round(arrays.shares[Math.min(step, steps)] / 2.55),
    );
    const share = done.length > 1 ? `A ${done[0]} %, B ${done[1]} % done` : `${done[0]} % done`;
    const words = `step ${step} of ${last} · ${seconds} s · ${share}`;
    slider.setAttribute("aria-valuetext", words);
    this.find("where").textContent = words;
    this.section.dataset.step = String(step);
    this.section.dataset.playing = String(playing);
    const play = this.find("play");
    const label = playing ? "Pause" : "Play";
    if (play.title !== label) {
      play.title = label;
      play.setAttribute("aria-label", label);
      const path = playing ? "M6 4h4v16H6zM14 4h4v16h-4z" : "M6 3v18l15-9z";
      play.querySelector("path").setAttribute("d", path);
    }
    if (!playing) this.note(step);
  }

  /** The end of this episode if it failed and is not there, else of the next one that failed. */
  failure() {
    const { success, item, steps } = this.source;
    if (!success[this.place] && this.clock.time < steps[this.place]) {
      this.clock.stop(steps[this.place]);
      return;
    }
    for (let ahead = 1; ahead <= item.length; ahead += 1) {
      const place = (this.place + ahead) % item.length;
      if (!success[place]) {
        this.open(place, steps[place]);
        return;
      }
    }
    this.hint("No other episode failed.");
  }

  /** The next of the steps at which the action changes most. */
  jerk() {
    const steps = [...this.shown[0].jerks].sort((a, b) => a - b);
    if (!steps.length) {
      this.hint("The action never changes.");
      return;
    }
    this.clock.stop(steps.find((step) => step > Math.floor(this.clock.time)) ?? steps[0]);
  }

  /** A word in passing. */
  hint(words) {
    this.say(words);
    setTimeout(() => this.find("message").textContent === words && this.say(""), HINT);
  }

  // The address: which agent, start and step.

  address() {
    const given = new URLSearchParams(location.hash.slice(1));
    const number = (name) => {
      const text = given.get(name);
      return text !== null && /^\d+$/.test(text) ? Number(text) : null;
    };
    return {
      agent: number("agent"),
      start: number("start"),
      step: number("step"),
      beside: number("beside"),
      as: given.get("as"),
    };
  }

  async follow({ agent, start, step, beside, as }) {
    const count = this.index.sources.length;
    if (agent !== null && agent < count) this.find("agent").value = String(agent);
    this.find("beside").value = beside !== null && beside < count ? String(beside) : "";
    this.find("arrangement").value = as === "ghost" ? "ghost" : "beside";
    const place = Math.max(this.source.item.indexOf(start), 0);
    this.list.current = place;
    this.list.of(this.source, this.other);
    await this.open(place, step ?? 0);
  }

  note(step) {
    const parts = new URLSearchParams({ agent: this.find("agent").value });
    parts.set("start", this.source.item[this.place]);
    parts.set("step", step);
    if (this.other) {
      parts.set("beside", this.find("beside").value);
      if (this.find("arrangement").value === "ghost") parts.set("as", "ghost");
    }
    this.noted = `#${parts}`;
    this.find("link").href = this.noted;
    if (this.section.dataset.ready) history.replaceState(null, "", this.noted);
  }

  // What people do.

  wire() {
    const on = (name, event, act) => this.find(name).addEventListener(event, act);
    on("first", "click", () => this.clock.stop(0));
    on("back", "click", () => this.clock.step(-1));
    on("play", "click", () => this.clock.toggle());
    on("on", "click", () => this.clock.step(1));
    on("last", "click", () => this.clock.stop(this.clock.last));
    on("slider", "input", () => this.clock.stop(Number(this.find("slider").value)));
    on("failure", "click", () => this.failure());
    on("jerk", "click", () => this.jerk());
    on("speed", "change", () => {
      this.clock.speed = Number(this.find("speed").value);
    });
    on("view", "change", () => this.stage?.look(this.find("view").value));
    on("trail", "change", () => this.stage && this.trail());
    const again = async () => {
      const place = Math.max(this.source.item.indexOf(this.item), 0);
      this.list.current = place;
      this.list.of(this.source, this.other);
      await this.open(place, Math.floor(this.clock.time));
    };
    on("agent", "change", again);
    on("beside", "change", again);
    on("arrangement", "change", again);
    addEventListener("hashchange", () => {
      if (location.hash !== this.noted) this.follow(this.address());
    });
    document.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const { target, key } = event;
    const here = this.section.contains(target) || target === document.body;
    if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
    const slider = this.find("slider");
    if (target.matches("input, select, textarea, summary") && target !== slider) return;
    if (key === " " && target.matches("button, a")) return;
    const many = event.shiftKey ? 10 : 1;
    const acts = {
      " ": () => this.clock.toggle(),
      ArrowLeft: () => this.clock.step(-many),
      ArrowRight: () => this.clock.step(many),
      ArrowUp: () => this.open(this.list.near(-1)),
      ArrowDown: () => this.open(this.list.near(1)),
      Home: () => this.clock.stop(0),
      End: () => this.clock.stop(this.clock.last),
      f: () => this.failure(),
      j: () => this.jerk(),
      r: () => this.stage?.look(this.find("view").value),
    };
    const act = acts[key.length === 1 ? key.toLowerCase() : key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

for (const section of document.querySelectorAll("[data-episode-viewer]")) {
  const viewer = new Viewer(section);
  /** Where the frames of each picture are: for tests, and for whoever asks. */
  entitybenchViewer.places = () => viewer.actors.slice(0, viewer.shown.length).map((a) => a.places());
  viewer.begin().catch((error) => {
    viewer.find("plain").hidden = false;
    viewer.say(`${error.message}.`);
  });
}
