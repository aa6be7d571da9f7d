// The time that both pictures share, in steps of the episode.

export class Clock {
  constructor(stepSeconds, moved) {
    this.stepSeconds = stepSeconds;
    this.moved = moved; // called when the time is another, or playing begins or ends
    this.time = 0;
    this.last = 0;
    this.speed = 1;
    this.playing = false;
    this.before = null;
  }

  go(time) {
    this.time = Math.max(0, Math.min(time, this.last));
    this.moved();
  }

  /** To a whole step, and stand still there. */
  stop(step) {
    this.playing = false;
    this.go(Math.round(step));
  }

  step(count) {
    const whole = count > 0 ? Math.floor(this.time) : Math.ceil(this.time);
    this.stop(whole + count);
  }

  toggle() {
    if (this.playing) {
      this.stop(Math.floor(this.time));
      return;
    }
    if (this.time >= this.last) this.time = 0;
    this.playing = true;
    this.before = null;
    this.moved();
    requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    if (!this.playing) return;
    const passed = this.before === null ? 0 : Math.min((now - this.before) / 1000, 0.25);
    this.before = now;
    const time = this.time + (passed * this.speed) / this.stepSeconds;
    if (time >= this.last) {
      this.stop(this.last);
      return;
    }
    this.go(time);
    requestAnimationFrame((next) => this.tick(next));
  }
}
