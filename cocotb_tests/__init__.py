"""Co-simulation: benches that run RTL under Verilator beside its exact model.

A folder for each unit, with the same kinds of files:

==================  ===================================================================================================
``harness.py``      gateware around a circuit under test: memories, stalls, counters, observers. Name ``*_harness.py``
                    where a folder has several.
``cb_*.py``         cocotb tests. They run in the simulator's process and use a driver.
``driver.py``       classes and coroutines that a cocotb test uses to fill memories, set registers, start a run and read
                    its results. Name ``*_driver.py`` where a folder has several.
``*cases.py``       what runs: products, jobs, programs, operands. ``*_programs.py``, ``*_jobs.py`` and ``*_vectors.py``
                    contain what the name says.
``suite.py``        circuits in their harnesses with their cases, and the table ``SUITES`` of ``tilewright cosim``;
                    ``*_suite.py`` are further tables.
``test_*.py``       pytest. ``test_*_faults.py`` plants faults in the circuit and checks that the bench detects each.
==================  ===================================================================================================

A test in ``tests/test_structure.py`` compares names and contents.

``harness/`` is for all units: ``suite.py`` says what a suite is, ``job.py`` how a job travels from pytest or the
command line to a cocotb test. ``faults.py`` plants faults, all in one model: an argument of the simulation chooses one;
``faulty_suite.py`` contains the tests that each of them is detected.
``coverage/`` counts what the cases of all units have exercised: docs/coverage.md.
``runner.py`` builds Verilated models, keeps them, and runs cocotb tests on them.

Drivers, hosts, memory in Python, predictions, random jobs and programs are in :mod:`tilewright.bench`, where users
import them, too: docs/own-bench.md.
"""
