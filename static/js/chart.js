// Sizes of backups over time, drawn by uPlot. Colours are those of elements, because a canvas cannot read
// light-dark() or other computed properties; they are taken anew when the theme changes.

let holder = null;
const units = ["B", "kB", "MB", "GB", "TB", "PB"];
function size(bytes) {
  let step = 0;
  let amount = bytes;
  while (amount >= 1000 && step < units.length - 1) { amount /= 1000; step += 1; }
  return `${amount.toFixed(step && amount < 100 ? 1 : 0)} ${units[step]}`;
}
const colour = (name) => {
  const probe = document.createElement("span");
  probe.className = name;
  holder.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};
let plot = null;
function draw() {
  plot?.destroy();
  const points = JSON.parse(holder.dataset.points);
  const axis = { stroke: colour("sr-paint-text"), grid: { stroke: colour("sr-paint-line"), width: 1 }, ticks: { show: false }, font: "12px Inter, system-ui, sans-serif" };
  const style = getComputedStyle(holder);
  plot = new window.uPlot({
    width: holder.clientWidth,
    height: Math.max(120, parseInt(style.minHeight, 10) - 40),
    cursor: { y: false, points: { size: 7 } },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [axis, { ...axis, size: 70, values: (_plot, ticks) => ticks.map(size) }],
    series: [
      { label: "Made", value: (_plot, at) => (at ? new Date(at * 1000).toLocaleString() : "—") },
      { label: "Content", stroke: colour("sr-paint-info"), width: 2, value: (_plot, bytes) => (bytes === null ? "—" : size(bytes)), points: { size: 5 } },
      { label: "Sent", stroke: colour("sr-paint-ok"), width: 2, value: (_plot, bytes) => (bytes === null ? "—" : size(bytes)), points: { size: 5 } },
    ],
  }, points, holder);
}
const resized = new ResizeObserver(() => {
  if (plot && holder.clientWidth !== plot.width) plot.setSize({ width: holder.clientWidth, height: plot.height });
});
// The page may be fetched anew while a task runs: then the chart is drawn into the new element.
function mount() {
  const found = document.getElementById("size-chart");
  if (found === holder || !window.uPlot) return;
  resized.disconnect();
  holder = found;
  plot = null;
  if (!holder) return;
  draw();
  resized.observe(holder);
}
const redraw = () => { if (holder) draw(); };
mount();
document.addEventListener("htmx:afterSwap", mount);
document.addEventListener("sr:theme", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
