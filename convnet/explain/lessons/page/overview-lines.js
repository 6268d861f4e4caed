// The lines between two columns: which map reads which, and how much of its largest number came from there.

const SUMMING = new Set(["conv2d", "dense", "conv2dtranspose"]); // each output sums over all channels of its group

/** The number of a unit with the largest size, and that of all. */
function largestOf({ data }, unit, units) {
  let best = unit;
  for (let at = unit; at < data.length; at += units) if (Math.abs(data[at]) > Math.abs(data[best])) best = at;
  return best;
}

/** What each source gave to one unit: {source: share}, signed. */
function sharesOf(network, stage, before, unit) {
  const step = network.steps[stage.made];
  const own = network.tensors.get(`x${step.output}`);
  const account = network.explain(stage.made, network.document.chosen_loss, "forward", largestOf(own, unit, stage.units));
  const found = new Map();
  for (const term of account.terms) if (term.ia >= 0) found.set(term.ia % before.units, (found.get(term.ia % before.units) ?? 0) + term.product);
  return found;
}

/** The channel of a source that goes into a channel of a layer which keeps channels apart. */
function straight(network, stages, s, from, unit) {
  const step = network.steps[stages[s].made];
  if (step.operation !== "concatenate") return unit % stages[from].units;
  let first = 0;
  for (const before of stages[s].from) {
    if (before === from) return unit - first;
    first += stages[before].units;
  }
  return unit;
}

/** shown: the units of each column. -> [{s, unit, from, source, share}], shares from -1 to 1 in each column. */
export function linesOf(network, stages, shown) {
  const lines = [];
  stages.forEach((stage, s) => {
    if (s === 0) return;
    const own = [];
    const sums = SUMMING.has(network.steps[stage.made].operation);
    for (const unit of shown[s])
      for (const from of stage.from) {
        const shares = sums ? sharesOf(network, stage, stages[from], unit) : new Map([[straight(network, stages, s, from, unit), 1]]);
        if (from === 0) own.push({ s, unit, from, source: 0, share: [...shares.values()].reduce((sum, v) => sum + v, 0) });
        else for (const source of shown[from]) if (shares.has(source)) own.push({ s, unit, from, source, share: shares.get(source) });
      }
    const most = Math.max(...own.map(({ share }) => Math.abs(share)), 0) || 1;
    lines.push(...own.map((line) => ({ ...line, share: line.share / most })));
  });
  return lines;
}
