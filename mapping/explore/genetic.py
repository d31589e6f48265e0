"""NSGA-II over the positions of the fields' values: the search of spaces that are too large to be estimated whole.

K. Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE Trans. Evol. Comput. 6 (2), 2002, as
pymoo implements it. The same seed gives the same generations.
"""

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.explore.search import Batches, Estimator

WORST = 1e6
"""Logarithm of each cost of a design that is not legal."""
SPREAD = 3.0
"""Distribution index of crossover and mutation: small, because neighbouring values of a field differ by a factor."""


def generations(estimator: Estimator, seed: int) -> Batches:
    """Yield the number of designs so far, and the legal ones of each generation that are new, with their sums.

    Raises
    ------
    ConfigError
        If pymoo is not installed.
    """
    try:
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.core.problem import Problem
        from pymoo.operators.crossover.sbx import SBX
        from pymoo.operators.mutation.pm import PM
        from pymoo.operators.repair.rounding import RoundingRepair
        from pymoo.operators.sampling.rnd import IntegerRandomSampling
        from pymoo.problems.static import StaticProblem
    except ImportError:
        raise ConfigError(
            f"the space has {estimator.space.size:,} designs, which NSGA-II searches, and pymoo is not installed: "
            "pip install 'tilewright[explore]', or narrow the space"
        ) from None
    space = estimator.space
    shape = np.array(space.shape)
    free = np.flatnonzero(shape > 1)
    limits = len(space.constraints)
    problem = Problem(
        n_var=len(free), n_obj=len(space.names), n_ieq_constr=1 + limits, xl=0, xu=shape[free] - 1, vtype=int
    )
    algorithm = NSGA2(
        pop_size=space.search.population,
        sampling=IntegerRandomSampling(),
        crossover=SBX(prob=0.9, eta=SPREAD, vtype=float, repair=RoundingRepair()),
        mutation=PM(eta=SPREAD, vtype=float, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )
    algorithm.setup(problem, termination=("n_gen", space.search.generations), seed=seed, verbose=False)
    seen = np.empty(0, np.int64)
    for generation in range(1, space.search.generations + 1):
        asked = algorithm.ask()
        positions = np.zeros((len(asked), len(shape)), np.int64)
        positions[:, free] = asked.get("X")
        numbers = space.numbers(positions)
        good, sums = estimator(numbers)
        legal = np.isin(numbers, good)
        costs = np.full((len(numbers), len(space.names)), WORST)
        costs[legal] = sums.costs(space.names)
        broken = np.ones((len(numbers), 1 + limits))
        broken[legal, 0] = -1
        for column, (name, limit) in enumerate(space.constraints.items(), 1):
            broken[legal, column] = limit.excess(sums.values(name))
        algorithm.evaluator.eval(StaticProblem(problem, F=costs, G=broken), asked)
        algorithm.tell(infills=asked)
        new = ~np.isin(good, seen)
        seen = np.union1d(seen, good)
        yield generation * space.search.population, good[new], sums.part(new)
