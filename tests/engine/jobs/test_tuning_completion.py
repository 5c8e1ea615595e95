import pytest

from engine.jobs.tuning.tuning_completion import CONVERGENCE_JOBS, completion_details, count_not_improving, has_met_criteria


@pytest.mark.parametrize(
    ("values", "maximize", "count"),
    [
        ([], True, 0),
        ([0.5], True, 0),
        ([0.5, 0.6, 0.7], True, 0),
        ([0.5, 0.504, 0.49], True, 2),  # less than 1 % better
        ([0.5, 0.506], True, 0),
        ([0.5, 0.4, 0.6, 0.6], True, 1),
        ([0.5, 0.4, 0.399], False, 1),
        ([0.5, 0.6], False, 1),
        ([0.0, 0.0, 0.1], True, 0),
        ([-1.0, -0.5], True, 0),
    ],
)
def test_training_jobs_without_improvement_are_counted_from_the_last_that_had_one(values, maximize, count):
    assert count_not_improving(values, maximize=maximize) == count


def job(values, maximize=True, **criteria):
    body = {"HyperParameterTuningJobConfig": {"TuningJobCompletionCriteria": criteria}}
    return body | {"TuningJobCompletionDetails": completion_details(body, values, maximize=maximize, now=5.0)}


def test_a_target_that_is_reached_ends_the_job():
    assert has_met_criteria(job([0.5, 0.8], TargetObjectiveMetricValue=0.8), [0.5, 0.8], maximize=True)
    assert not has_met_criteria(job([0.5, 0.8], TargetObjectiveMetricValue=0.81), [0.5, 0.8], maximize=True)
    assert has_met_criteria(job([0.5, 0.3], False, TargetObjectiveMetricValue=0.3), [0.5, 0.3], maximize=False)
    assert not has_met_criteria(job([0.5, 0.4], False, TargetObjectiveMetricValue=0.3), [0.5, 0.4], maximize=False)
    assert not has_met_criteria(job([], TargetObjectiveMetricValue=0.3), [], maximize=True)


def test_so_many_training_jobs_without_improvement_end_the_job():
    criterion = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    assert not has_met_criteria(job([0.5, 0.5, 0.5], **criterion), [], maximize=True)
    assert has_met_criteria(job([0.5, 0.5, 0.5, 0.5], **criterion), [], maximize=True)


def test_convergence_is_told_and_ends_the_job_where_it_was_asked_to():
    values = [0.5] * (CONVERGENCE_JOBS + 1)
    for answer, ends in (("Enabled", True), ("Disabled", False)):
        body = job(values, ConvergenceDetected={"CompleteOnConvergence": answer})
        assert body["TuningJobCompletionDetails"]["ConvergenceDetectedTime"] == 5.0
        assert has_met_criteria(body, values, maximize=True) == ends
    assert "ConvergenceDetectedTime" not in job(values[1:])["TuningJobCompletionDetails"]


def test_the_time_of_convergence_stays():
    body = job([0.5] * (CONVERGENCE_JOBS + 1))
    assert completion_details(body, [0.5, 0.9], maximize=True, now=9.0)["ConvergenceDetectedTime"] == 5.0


def test_a_job_without_criteria_goes_on():
    body = {"HyperParameterTuningJobConfig": {}, "TuningJobCompletionDetails": completion_details({}, [0.5] * 50, maximize=True, now=1.0)}
    assert not has_met_criteria(body, [0.5] * 50, maximize=True)
