# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""Shapley values of the probability for pairs of a row and a baseline row, as machine code (numba).

Between a row and a baseline row a model's log-odds are a sum of terms. A term is the value of a leaf that some mixture of the two rows
reaches: it counts for each coalition that has all of its ``own`` features (those that must come from the row) and none of its ``other``
ones (those that must come from the baseline row). Where few features are in any term, every coalition is tried. Elsewhere a polynomial of
second degree in the log-odds takes the place of the logistic function: a product of two terms is a term again, whose Shapley values are
known in closed form. What the polynomial misses is sampled on walks from the baseline row to the row, one feature at a time in random
order, each order also backwards; along a walk it adds up, so the sum of the values is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np

Compiled = TypeVar("Compiled", bound=Callable[..., object])
PILOT_WALKS = 2
"""Pairs of walks whose log-odds the polynomial is fitted to."""
FIRST_WALKS = 4
"""So many pairs of walks are made in any case, and the error is looked at each time that so many more are."""
MAX_BITS = 64
"""A row with more features in its terms has a straight line instead of the polynomial."""


def compiled(function: Compiled) -> Compiled:
    """The function as machine code, kept on disk for the next process where a folder can be written."""
    try:
        return cast("Compiled", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # there is no such folder
        return cast("Compiled", numba.njit(nogil=True)(function))


@compiled
def next_random(state):
    """The next number, 64 bits, of the generator SplitMix64 (Steele, Lea and Flood 2014), whose state is ``state[0]``."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    return mix_bits(state[0])


@compiled
def mix_bits(number):
    """SplitMix64's finalizer."""
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


@compiled
def count_bits(number):
    found = 0
    while number:
        number &= number - np.uint64(1)
        found += 1
    return found


@compiled
def logistic(log_odds):
    return 1.0 / (1.0 + np.exp(-log_odds))


@compiled
def secant(start, end):
    """The slope of the logistic function between two log-odds."""
    if abs(end - start) < 1e-9:
        return logistic(start) * (1 - logistic(start))
    return (logistic(end) - logistic(start)) / (end - start)


@compiled
def standard_variance(total, total_of_squares, count):
    """The variance of the mean of so many numbers; NaN of one."""
    if count < 2:
        return np.nan
    return max(total_of_squares / count - (total / count) ** 2, 0.0) / (count - 1)


@compiled
def find_terms(
    left, right, feature, condition, missing_left, roots, row, base, place_of, features, stack, path, terms, sizes, weights, slots, keys
):
    """Fill ``terms`` (own features, then the others, as places in ``features``), ``sizes`` (how many of each) and ``weights``; returns how
    many terms and features there are.

    Leaves with the same features are one term: ``slots`` is a hash table of them, empty (-1) before and after; ``keys`` their hashes, which
    don't depend on the order of features. ``place_of``: -1 for each feature, before and after. ``stack``: the parts of a tree that are
    still to be followed: node, number of own and of other features on the path, and the own feature that leads there.
    """
    found, width = 0, 0
    last = np.uint64(len(slots) - 1)
    for root in roots:
        stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = root, 0, 0, -1
        waiting = 1
        while waiting:
            waiting -= 1
            node, own, other = stack[waiting, 0], stack[waiting, 1], stack[waiting, 2]
            if stack[waiting, 3] >= 0:
                path[0, own] = stack[waiting, 3]
                own += 1
            while left[node] >= 0:
                at = feature[node]
                new, old = row[at], base[at]
                new_left = missing_left[node] if np.isnan(new) else new < condition[node]
                old_left = missing_left[node] if np.isnan(old) else old < condition[node]
                goes_left = new_left
                if new_left != old_left:
                    place = place_of[at]
                    if place < 0:
                        place = width
                        place_of[at] = width
                        features[width] = at
                        width += 1
                    known = 0
                    for i in range(own):
                        if path[0, i] == place:
                            known = 1
                    for i in range(other):
                        if path[1, i] == place:
                            known = 2
                    if known == 0:
                        stack[waiting, 0] = left[node] if new_left else right[node]
                        stack[waiting, 1], stack[waiting, 2], stack[waiting, 3] = own, other, place
                        waiting += 1
                        path[1, other] = place
                        other += 1
                    if known != 1:
                        goes_left = old_left
                node = left[node] if goes_left else right[node]
            key = np.uint64(0)
            for i in range(own):
                key += mix_bits(np.uint64(2 * path[0, i] + 1) * np.uint64(0x9E3779B97F4A7C15))
            for i in range(other):
                key += mix_bits(np.uint64(2 * path[1, i] + 2) * np.uint64(0x9E3779B97F4A7C15))
            slot = key & last
            while slots[slot] >= 0 and keys[slots[slot]] != key:
                slot = (slot + np.uint64(1)) & last
            if slots[slot] >= 0:
                weights[slots[slot]] += condition[node]
            else:
                slots[slot], keys[found] = found, key
                weights[found], sizes[found, 0], sizes[found, 1] = condition[node], own, other
                for i in range(own):
                    terms[found, i] = path[0, i]
                for i in range(other):
                    terms[found, own + i] = path[1, i]
                found += 1
    for term in range(found):
        slot = keys[term] & last
        while slots[slot] != -1:
            slots[slot] = -1
            slot = (slot + np.uint64(1)) & last
    for place in range(width):
        place_of[features[place]] = -1
    return found, width


@compiled
def list_linear_terms(steps, features, terms, sizes, weights):
    """As ``find_terms``, of a linear model: a term for each feature whose part of the log-odds differs between the rows by ``steps``."""
    found = 0
    for at in range(len(steps)):
        if steps[at] != 0:
            features[found], terms[found, 0], weights[found] = at, found, steps[at]
            sizes[found, 0], sizes[found, 1] = 1, 0
            found += 1
    return found, found


@compiled
def try_every_coalition(terms, sizes, weights, count, width, start, for_own, for_other, log_odds, values):
    """Shapley values by their definition. ``log_odds``: room for 2^width numbers; ``for_own[k, width - k]``: the weight of a coalition of k
    features for each of its members, ``for_other[k, width - k]``: against each other feature (the same numbers as for a term's)."""
    every = 1 << width
    for coalition in range(every):
        log_odds[coalition] = 0
    for term in range(count):  # it counts for each coalition that holds its own features, less those that hold others (inclusion-exclusion)
        own, other = 0, 0
        for i in range(sizes[term, 0]):
            own |= 1 << terms[term, i]
        for i in range(sizes[term, 0], sizes[term, 0] + sizes[term, 1]):
            other |= 1 << terms[term, i]
        part = 0
        while True:
            odd = count_bits(np.uint64(part)) % 2
            log_odds[own | part] += -weights[term] if odd else weights[term]
            part = (part - other) & other
            if part == 0:
                break
    for feature in range(width):
        step = 1 << feature
        for first in range(0, every, 2 * step):
            for i in range(first, first + step):
                log_odds[i + step] += log_odds[i]
    against = 0.0
    for coalition in range(every):
        probability = logistic(start + log_odds[coalition])
        size = count_bits(np.uint64(coalition))
        against += probability * for_other[size, width - size]
        log_odds[coalition] = probability * (for_own[size, width - size] + for_other[size, width - size])
    half = every
    for feature in range(width - 1, -1, -1):
        half //= 2
        with_it = 0.0
        for coalition in range(half):
            with_it += log_odds[half + coalition]
            log_odds[coalition] += log_odds[half + coalition]
        values[feature] = with_it - against


@compiled
def shuffle(order, width, state):
    for i in range(width - 1, 0, -1):
        j = np.int64(next_random(state) % np.uint64(i + 1))
        order[i], order[j] = order[j], order[i]


@compiled
def walk(terms, sizes, weights, count, width, place, log_odds):
    """Fill ``log_odds``, (2, width + 1): after each number of features that are taken from the row, in the order of ``place`` and in the
    reverse one. A term counts from the step that adds the last of its own features to the one before the first of the others."""
    for step in range(width + 2):
        log_odds[0, step], log_odds[1, step] = 0.0, 0.0
    for term in range(count):
        own = sizes[term, 0]
        last_own, first_own, last_other, first_other = -1, width, -1, width
        for i in range(own):
            at = place[terms[term, i]]
            last_own, first_own = max(last_own, at), min(first_own, at)
        for i in range(own, own + sizes[term, 1]):
            at = place[terms[term, i]]
            last_other, first_other = max(last_other, at), min(first_other, at)
        weight = weights[term] * (last_own < first_other)  # without a branch, which a processor would often guess wrong
        log_odds[0, last_own + 1] += weight
        log_odds[0, first_other + 1] -= weight
        weight = weights[term] * (last_other < first_own)
        log_odds[1, width - first_own] += weight
        log_odds[1, width - last_other] -= weight
    for step in range(width):
        log_odds[0, step + 1] += log_odds[0, step]
        log_odds[1, step + 1] += log_odds[1, step]


@compiled
def walk_at_random(terms, sizes, weights, count, width, order, place, state, log_odds):
    """``walk`` in a new random order, which ``order`` has afterwards (the features by their places) and ``place`` (the places)."""
    shuffle(order, width, state)
    for at in range(width):
        place[order[at]] = at
    walk(terms, sizes, weights, count, width, place, log_odds)


@compiled
def fit_polynomial(points, count, start):
    """The least-squares fit of second degree to the probability at ``points`` (log-odds above ``start``): its slope and its curve, the
    constant being of no account. A straight line where all points are nearly the same."""
    centre = 0.0
    for i in range(count):
        centre += points[i] / count
    s2, s3, s4, y0, y1, y2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(count):
        x = points[i] - centre
        y = logistic(start + points[i])
        s2, s3, s4 = s2 + x * x, s3 + x**3, s4 + x**4
        y0, y1, y2 = y0 + y, y1 + x * y, y2 + x * x * y
    s2, s3, s4, y0, y1, y2 = s2 / count, s3 / count, s4 / count, y0 / count, y1 / count, y2 / count
    if s2 < 1e-12:
        p = logistic(start + centre)
        return p * (1 - p), 0.0
    slope = y1 / s2
    spread = s4 - s3 * s3 / s2 - s2 * s2  # of x² beside 1 and x
    curve = (y2 - slope * s3 - y0 * s2) / spread if spread > 1e-9 * s4 else 0.0
    slope -= curve * s3 / s2
    return slope - 2 * curve * centre, curve


@compiled
def explain_polynomial(terms, sizes, weights, count, width, slope, curve, for_own, for_other, bits, totals, values):
    """Shapley values of slope · z + curve · z², z being the sum of the terms. ``for_own[a, b]``: the value of each own feature of a term
    with a own and b other ones, (a - 1)! b! / (a + b)!; ``for_other``: that of each other one without its sign."""
    for i in range(width):
        values[i] = 0.0
    if curve != 0.0:
        for term in range(count):
            bits[term, 0], bits[term, 1] = np.uint64(0), np.uint64(0)
            own = sizes[term, 0]
            for i in range(own + sizes[term, 1]):
                bits[term, 0 if i < own else 1] |= np.uint64(1) << np.uint64(terms[term, i])
    for term in range(count):
        own, other = sizes[term, 0], sizes[term, 1]
        weight = slope * weights[term] + curve * weights[term] * weights[term]
        totals[term, 0], totals[term, 1] = weight * for_own[own, other], weight * for_other[own, other]
        if curve == 0.0:
            continue
        for second in range(term):
            if (bits[term, 0] & bits[second, 1]) | (bits[term, 1] & bits[second, 0]):
                continue  # no coalition has both
            both_own, both_other = bits[term, 0] & bits[second, 0], bits[term, 1] & bits[second, 1]
            a = own + sizes[second, 0] - count_bits(both_own)
            b = other + sizes[second, 1] - count_bits(both_other)
            weight = 2 * curve * weights[term] * weights[second]
            x, y = weight * for_own[a, b], weight * for_other[a, b]
            totals[term, 0] += x
            totals[second, 0] += x
            totals[term, 1] += y
            totals[second, 1] += y
            i = 0
            while both_own:  # these were counted twice
                if both_own & np.uint64(1):
                    values[i] -= x
                both_own >>= np.uint64(1)
                i += 1
            i = 0
            while both_other:
                if both_other & np.uint64(1):
                    values[i] += y
                both_other >>= np.uint64(1)
                i += 1
    for term in range(count):
        own = sizes[term, 0]
        for i in range(own):
            values[terms[term, i]] += totals[term, 0]
        for i in range(own, own + sizes[term, 1]):
            values[terms[term, i]] -= totals[term, 1]


@compiled
def explain_pairs(
    left,
    right,
    feature,
    condition,
    missing_left,
    roots,
    start,
    steps,
    rows,
    background,
    chosen,
    slopes,
    walks,
    precision,
    seed,
    exact_width,
    quadratic,
    for_own,
    for_other,
    depth,
    leaves,
    values,
    squares,
    within,
):
    """Add to ``values`` and ``squares``, (rows, features), for each row and each of its ``chosen`` baseline rows, (rows, m), the pair's
    Shapley values minus those of ``slopes`` · log-odds, and the squares of these; to ``within`` their variance from walks.

    ``steps``: what each feature adds in a linear model, (rows, m, features + 1), the last being the baseline row's log-odds; without trees.
    ``walks``: at most so many pairs of walks, at least 2 where an error is wanted, and no more once the values' mean standard error is at
    most ``precision``; ``exact_width``: with so many features every coalition is tried.
    """
    n, m = chosen.shape
    width_of_all = rows.shape[1]
    terms = np.empty((leaves, max(depth, 1)), dtype=np.int16)
    sizes = np.empty((leaves, 2), dtype=np.int16)
    weights, totals = np.empty(leaves), np.empty((leaves, 2))
    bits, keys = np.empty((leaves, 2), dtype=np.uint64), np.empty(leaves, dtype=np.uint64)
    room = 16
    while room < 2 * leaves:
        room *= 2
    slots = np.full(room, -1, dtype=np.int32)
    stack, path = np.empty((depth + 2, 4), dtype=np.int64), np.empty((2, depth + 1), dtype=np.int16)
    place_of, features = np.full(width_of_all, -1, dtype=np.int16), np.empty(width_of_all, dtype=np.int64)
    coalitions = np.empty(1 << exact_width)
    order, place = np.empty(width_of_all, dtype=np.int64), np.empty(width_of_all, dtype=np.int64)
    log_odds, missed = np.empty((2, width_of_all + 2)), np.empty((2, width_of_all + 2))
    points = np.empty(2 * PILOT_WALKS * (width_of_all + 1))
    one, linear = np.empty(width_of_all), np.empty(width_of_all)
    sums, sums_of_squares = np.empty(width_of_all), np.empty(width_of_all)
    state = np.empty(1, dtype=np.uint64)
    state[0] = np.uint64(seed)
    for row in range(n):
        for pair in range(m):
            base = chosen[row, pair]
            begin = start
            if len(roots):
                count, width = find_terms(
                    left,
                    right,
                    feature,
                    condition,
                    missing_left,
                    roots,
                    rows[row],
                    background[base],
                    place_of,
                    features,
                    stack,
                    path,
                    terms,
                    sizes,
                    weights,
                    slots,
                    keys,
                )
            else:
                count, width = list_linear_terms(steps[row, pair, :width_of_all], features, terms, sizes, weights)
                begin = start + steps[row, pair, width_of_all]
            if width <= exact_width:
                if width:
                    try_every_coalition(terms, sizes, weights, count, width, begin, for_own, for_other, coalitions, one)
                for i in range(width):
                    sums_of_squares[i] = 0.0
            else:
                for i in range(width):
                    order[i], sums[i], sums_of_squares[i] = i, 0.0, 0.0
                fitted = quadratic and width <= MAX_BITS
                for i in range(PILOT_WALKS if fitted else 1):
                    walk_at_random(terms, sizes, weights, count, width, order, place, state, log_odds)
                    for at in range(width + 1):
                        points[2 * i * (width + 1) + at], points[(2 * i + 1) * (width + 1) + at] = log_odds[0, at], log_odds[1, at]
                if fitted:
                    slope, curve = fit_polynomial(points, 2 * PILOT_WALKS * (width + 1), begin)
                else:
                    slope, curve = secant(begin + log_odds[0, 0], begin + log_odds[0, width]), 0.0
                explain_polynomial(terms, sizes, weights, count, width, slope, curve, for_own, for_other, bits, totals, one)
                made, error = 0, np.inf
                while made < walks and not (made >= FIRST_WALKS and error <= precision):
                    walk_at_random(terms, sizes, weights, count, width, order, place, state, log_odds)
                    for back in range(2):
                        for at in range(width + 1):
                            z = log_odds[back, at]
                            missed[back, at] = logistic(begin + z) - z * (slope + curve * z)
                    for at in range(width):
                        back = width - 1 - at
                        step = (missed[0, at + 1] - missed[0, at] + missed[1, back + 1] - missed[1, back]) / 2
                        sums[order[at]] += step
                        sums_of_squares[order[at]] += step * step
                    made += 1
                    if made % FIRST_WALKS == 0:
                        error = 0.0
                        for i in range(width):
                            error += np.sqrt(standard_variance(sums[i], sums_of_squares[i], made)) / width_of_all
                for i in range(width):
                    one[i] += sums[i] / made
                    sums_of_squares[i] = standard_variance(sums[i], sums_of_squares[i], made)
            if slopes[row] != 0.0:
                explain_polynomial(terms, sizes, weights, count, width, slopes[row], 0.0, for_own, for_other, bits, totals, linear)
                for i in range(width):
                    one[i] -= linear[i]
            for i in range(width):
                values[row, features[i]] += one[i]
                squares[row, features[i]] += one[i] * one[i]
                within[row, features[i]] += sums_of_squares[i]
