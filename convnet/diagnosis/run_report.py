"""One page of a whole run: the data, the training, the figures, and examples right and wrong with what was looked at.

A single file that needs no network; light or dark as the screen is, and printable.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from convnet.diagnosis.examples import Measured, examples_section
from convnet.evaluation.intervals import format_interval
from convnet.evaluation.side_by_side import PLURAL, describe_rule
from convnet.explain.maps.history import plot_history
from convnet.notice import NOTICE
from convnet.output import html_page
from convnet.output.words import count
from convnet.study import evidence
from convnet.study.card_tables import group_tables, subgroup_tables, validation_tables
from convnet.study.evaluate import find_places
from convnet.study.metadata import read_record

if TYPE_CHECKING:
    from convnet.callbacks import History

REASONS = 8  # for files that were left out


def page(run: Measured, history: History | None = None) -> str:
    """Return the report as HTML; `history` of the training adds its curves."""
    record = read_record(run.model)
    title = f"Report: {record.network or run.model.name} network for {', '.join(record.classes)}"
    body = [
        f'<p class="notice">Not a medical device. {escape(NOTICE)}</p>',
        *summary(run),
        "",
        *data_section(run),
        *training_section(run, history),
        *figures_section(run),
    ]
    links = ["Data", "Training", "Figures"]
    if examples := examples_section(run):
        body, links = [*body, *examples], [*links, "Examples"]
    body[body.index("")] = "<p>" + " · ".join(f'<a href="#{link.lower()}">{link}</a>' for link in links) + "</p>"
    return html_page.page(title, body)


def summary(run: Measured) -> list[str]:
    """Return what a reader must know first, as HTML."""
    found, out = run.result["figures"], evidence.verdicts(run.result)
    named = [name for name in ("accuracy", "auc", "mae", "r2") if name in found] or list(found)[:2]
    values = "; ".join(f"{'AUC' if n == 'auc' else n} {format_interval(found[n])}" for n in named)
    out.append(f"<p><strong>On {run.result['n']} {escape(run.split)} images: {escape(values)}.</strong></p>")
    if (of := run.result.get("by_group")) is not None:
        joined = "; ".join(f"{'AUC' if n == 'auc' else n} {format_interval(of['figures'][n])}" for n in named)
        text = f"On {of['n']} {PLURAL[of['level']]} ({describe_rule(of)}): {joined}."
        out.append(f"<p><strong>{escape(text)}</strong></p>")
    if run.split in ("test", "all") and run.result["seen_in_training"]:
        text = f"{run.result['seen_in_training']} of these images were seen in training: the metrics flatter the model."
        out.append(f'<p class="verdict bad">{text}</p>')
    if run.split in ("train", "val"):
        text = "The model was fitted or chosen on these images: on new ones it will be worse."
        out.append(f'<p class="verdict warn">{text}</p>')
    return out


def data_section(run: Measured) -> list[str]:
    """Return what the model was trained on and what was measured, as HTML."""
    cohort, record = run.cohort, read_record(run.model)
    rows = [[split, *(counts.get(c, 0) for c in record.classes)] for split, counts in record.images.items()]
    reasons = Counter(s.reason for s in cohort.skipped)
    out = ['<h2 id="data">Data</h2>']
    if rows:
        out += ["<p>Images that the model was trained with, by split.</p>"]
        out += [html_page.table(["split", *record.classes], rows)]
    grouping = f" Of them, {cohort.notes.grouping}." if cohort.notes.grouping else ""
    out.append(f"<p>Images here: {escape(cohort.describe_counts())}.{escape(grouping)}</p>")
    if reasons:
        left = [[n, reason] for reason, n in reasons.most_common(REASONS)]
        out += [f"<p>Left out: {len(cohort.skipped)}.</p>", html_page.table(["files", "why"], left)]
    splits = [split for split in ("train", run.split) if split != "all" and len(cohort.where(split))]
    return [*out, *(evidence.draw_samples(cohort, splits[0]) if splits else [])]


def training_section(run: Measured, history: History | None) -> list[str]:
    """Return how the model was trained, as HTML."""
    record = read_record(run.model)
    rows = [[r.seed, r.best_epoch, r.epochs_run, f"{r.chosen_by} {r.chosen_value:.4f}"] for r in record.runs]
    recipe = [[k, "the network's own" if v is None else v] for k, v in record.recipe.items()]
    out = ['<h2 id="training">Training</h2>', html_page.table(["seed", "epoch kept", "epochs run", "chosen by"], rows)]
    if history is not None and history.history:
        best = record.runs[0].best_epoch if record.runs else None
        out.append(html_page.plot(plot_history(history, best), "Loss and metrics by epoch, training and validation"))
    return [*out, "<details><summary>Recipe</summary>", html_page.table(["choice", "value"], recipe), "</details>"]


def figures_section(run: Measured) -> list[str]:
    """Return the metrics and curves of the split, as HTML."""
    record, at = read_record(run.model), find_places(run.cohort, run.split)
    rows = [[name, format_interval(value)] for name, value in run.result["figures"].items()]
    return [
        '<h2 id="figures">Figures</h2>',
        f"<p>95% intervals by bootstrap over {count(run.result['patients'], 'patient')}.</p>",
        html_page.table(["metric", "value (95% interval)"], rows),
        *evidence.draw_curves(run.cohort.y[at], run.p, run.result, record.classes, record.task),
        *validation_tables(run.result, record.temperature),
        *group_tables(run.result),
        *subgroup_tables(run.result["subgroups"]),
    ]
