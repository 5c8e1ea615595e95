"""The nearest rows by SciPy's tree, in scikit-learn's form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from core.analysis.resampling.nearest_neighbours import KDTreeNeighbors, SeedNeighbors

ROWS = np.random.default_rng(0).normal(size=(200, 4))


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_they_are_those_of_scikit_learn(form):
    distances, found = KDTreeNeighbors(5).fit(form(ROWS)).kneighbors(form(ROWS[:50]))
    expected, places = NearestNeighbors(n_neighbors=5).fit(ROWS).kneighbors(ROWS[:50])
    np.testing.assert_allclose(distances, expected, atol=1e-12)
    assert (found == places).all()


def test_of_one_neighbour_there_is_one_column():
    assert KDTreeNeighbors(1).fit(ROWS).kneighbors(ROWS, return_distance=False).tolist() == [[i] for i in range(200)]


@pytest.mark.parametrize("mode", ["connectivity", "distance"])
def test_the_graph_is_that_of_scikit_learn(mode):
    mine = KDTreeNeighbors(3).fit(ROWS).kneighbors_graph(ROWS, mode=mode)
    theirs = NearestNeighbors(n_neighbors=3).fit(ROWS).kneighbors_graph(ROWS, mode=mode)
    np.testing.assert_allclose(mine.toarray(), theirs.toarray(), atol=1e-12)


def test_more_neighbours_than_rows_are_refused():
    with pytest.raises(ValueError, match="n_samples_fit = 3"):
        KDTreeNeighbors(4).fit(ROWS[:3]).kneighbors(ROWS)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_neighbours_found_on_demand_are_those_of_all_rows_where_they_are_asked_for(form):
    everybody = KDTreeNeighbors(4).fit(ROWS).kneighbors(ROWS, return_distance=False)[:, 1:]
    found = SeedNeighbors(4).fit(form(ROWS)).kneighbors(form(ROWS), return_distance=False)[:, 1:]
    assert (found.shape, found.size) == (everybody.shape, everybody.size)
    asked = np.array([7, 7, 150, 3])
    assert (found.of(asked)[asked] == everybody[asked]).all()
