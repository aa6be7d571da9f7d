// Above the slider: what share is done (an area), how much the action changes (bars), its jerks.

export function drawStrip(canvas, episode) {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const ratio = Math.min(devicePixelRatio, 2);
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.clearRect(0, 0, width, height);
  if (!episode) return;
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name).trim();
  const { shares, jumps } = episode.arrays;
  const x = (step) => (step / episode.steps) * width;
  pen.fillStyle = colour("--ev-done");
  pen.beginPath();
  pen.moveTo(0, height);
  for (let step = 0; step <= episode.steps; step += 1) {
    const y = height * (1 - shares[step] / 255);
    pen.lineTo(x(step), y);
    if (step < episode.steps) pen.lineTo(x(step + 1), y);
  }
  pen.lineTo(width, height);
  pen.fill();
  const worst = new Set(episode.jerks.slice(0, 3));
  const bar = Math.max(1, width / episode.steps - 0.5);
  jumps.forEach((value, step) => {
    pen.fillStyle = colour(worst.has(step) ? "--ev-jerk" : "--ev-change");
    const tall = (value / 255) * height;
    pen.fillRect(x(step), height - tall, bar, tall);
  });
}
