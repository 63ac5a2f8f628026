"""For every setting that says how to train or measure: the test that fails where it is ignored.

Each row was tried: with the setting read as its default everywhere, in every process, its test fails.
"""

import ast
from pathlib import Path

import pytest

from benchbench.scenario.scenario import Scenario
from benchbench.scenario.space import fields_of

ROOT = Path(__file__).parents[2]
LEFT_OUT = (
    "schema", "name", "question",  # told, not obeyed
    "training.adapter.name",  # has one legal value
    # carried out by nobody yet (see `engines`)
    "trainer", "parallelism.pipeline", "parallelism.pipeline_schedule", "parallelism.context", "hardware.nodes",
    "parallelism.cpu_offload",
    "search",  # of a search, not of a training
)  # fmt: skip
TESTS = {
    "tests/workload/test_models.py": {
        "model.family": "test_a_family_takes_its_dimensions_and_learns_from_a_padded_batch",
        "model.layers": "test_dimensions_override_the_size",
        "model.hidden": "test_a_family_takes_its_dimensions_and_learns_from_a_padded_batch",
        "model.heads": "test_a_family_takes_its_dimensions_and_learns_from_a_padded_batch",
        "model.kv_heads": "test_dimensions_override_a_size_and_what_follows_from_them_with_it",
        "model.ffn": "test_dimensions_override_the_size",
        "model.vocab": "test_dimensions_override_the_size",
    },
    "tests/workload/test_sizes.py": {
        "model.size": "test_a_named_size_has_the_published_number_of_parameters",
    },
    "tests/workload/test_pretrained.py": {
        "model.pretrained": "test_the_real_minilm_has_the_weights_of_its_file",
    },
    "tests/workload/test_hub.py": {
        "model.revision": "test_what_the_hub_does_not_give_says_why",
    },
    "tests/test_scenarios.py": {
        "task": "test_it_trains",
    },
    "tests/executors/test_preflight_data.py": {
        "data.source": "test_a_bad_row_is_named_and_nothing_is_created",
    },
    "tests/workload/sources/test_csv.py": {
        "data.path": "test_columns_are_mapped",
        "data.text_column": "test_every_role_has_a_column_of_its_own",
        "data.label_column": "test_every_role_has_a_column_of_its_own",
        "data.source_column": "test_every_role_has_a_column_of_its_own",
        "data.target_column": "test_every_role_has_a_column_of_its_own",
        "data.question_column": "test_every_role_has_a_column_of_its_own",
        "data.context_column": "test_every_role_has_a_column_of_its_own",
        "data.answer_column": "test_every_role_has_a_column_of_its_own",
        "data.split": "test_a_file_for_each_split",
        "data.split.train": "test_a_file_for_each_split",
        "data.split.validation": "test_a_file_for_each_split",
        "data.split.test": "test_a_file_for_each_split",
    },
    "tests/workload/sources/test_huggingface.py": {
        "data.subset": "test_revision_and_subset_are_asked_for",
        "data.revision": "test_revision_and_subset_are_asked_for",
    },
    "tests/workload/sources/test_synthetic.py": {
        "data.lengths": "test_uniform_lengths",
        "data.lengths.name": "test_lognormal_lengths_are_held_to_the_sequence_length",
        "data.lengths.low": "test_uniform_lengths",
        "data.lengths.high": "test_uniform_lengths",
        "data.lengths.median": "test_lognormal_lengths_are_held_to_the_sequence_length",
        "data.lengths.sigma": "test_lognormal_lengths_are_held_to_the_sequence_length",
    },
    "tests/workload/test_preparing.py": {
        "data.answer_start_column": "test_where_an_answer_begins_may_stand_in_a_column",
        "data.sequence_length": "test_rows_are_cut_to_the_sequence_length_special_tokens_included",
        "data.validation_fraction": "test_the_fractions_are_those_of_all_rows",
        "data.test_fraction": "test_the_fractions_are_those_of_all_rows",
    },
    "tests/workload/test_cache.py": {
        "data.clean": "test_a_held_out_duplicate_of_a_training_row_goes",
    },
    "tests/training/test_feeding.py": {
        "data.batching": "test_buckets_hold_rows_of_like_length",
        "data.balance": "test_class_weights_weigh_the_loss_of_a_plain_formula",
        "data.workers": "test_workers_are_started_with_the_stretch_and_ended_with_the_run",
        "data.prefetch": "test_workers_make_as_many_batches_ahead_as_was_asked_for",
    },
    "tests/training/test_loop.py": {
        "training.global_batch": "test_a_step_event_has_every_field_and_the_loop_adds_them_up",
        "training.optimizer.name": "test_every_optimizer_takes_the_steps_of_a_plain_loop",
        "training.optimizer.learning_rate": "test_every_optimizer_takes_the_steps_of_a_plain_loop",
        "training.optimizer.weight_decay": "test_every_optimizer_takes_the_steps_of_a_plain_loop",
        "training.schedule.name": "test_every_schedule_takes_the_steps_of_a_plain_loop",
        "training.schedule.warmup_fraction": "test_every_schedule_takes_the_steps_of_a_plain_loop",
        "training.gradient_clip": "test_no_clipping_differs_from_clipping",
        "training.seed": "test_the_seed_changes_the_weights_and_the_order",
        "precision": "test_bf16_is_close_to_fp32_and_not_the_same",
    },
    "tests/training/test_program.py": {
        "training.micro_batch": "test_a_run_reports_its_phases_facts_and_last_loss",
        "training.dropout": "test_dropout_changes_the_losses",
        "training.attention": "test_the_attention_kernel_is_the_one_that_was_asked_for",
        "hardware.device": "test_a_device_that_is_not_there_is_refused",
        "hardware.threads": "test_a_run_has_the_threads_that_were_asked_for",
        "measure.procedure": "test_a_run_reports_its_phases_facts_and_last_loss",
    },
    "tests/training/test_launching.py": {
        "hardware.devices": "test_two_ranks_leave_one_record",
        "parallelism.data": "test_two_ranks_leave_one_record",
    },
    "tests/contract/test_strategies.py": {
        "parallelism.shard": "test_ranks_take_the_steps_of_one_process",
        "parallelism.bucket_mib": "test_a_small_bucket_is_sent_alone",
        "parallelism.communication": "test_a_lossy_hook_stays_near_the_exact_mean",
    },
    "tests/training/strategies/test_tensor.py": {
        "parallelism.tensor": "test_each_rank_has_some_heads_and_the_steps_are_those_of_one_process",
    },
    "tests/training/strategies/test_parameter_server.py": {
        "parallelism.parameter_server": "test_async_is_the_simulated_algorithm",
    },
    "tests/training/strategies/test_local_sgd.py": {
        "parallelism.local_sgd": "test_it_is_the_simulated_algorithm",
    },
    "tests/training/test_penalties.py": {
        "training.optimizer.l1": "test_l1_adds_the_sign_of_every_matrix_to_its_gradient",
        "training.label_smoothing": "test_smoothing_is_that_of_torch_in_training",
    },
    "tests/training/test_optimizers.py": {
        "training.optimizer.momentum": "test_a_stated_constant_acts",
        "training.optimizer.beta1": "test_a_stated_constant_acts",
        "training.optimizer.beta2": "test_a_stated_constant_acts",
        "training.optimizer.epsilon": "test_a_stated_constant_acts",
    },
    "tests/training/test_schedules.py": {
        "training.max_steps": "test_the_horizon_is_max_steps_whatever_is_measured",
    },
    "tests/training/test_averaging.py": {
        "training.ema": "test_the_metrics_are_those_of_the_average",
    },
    "tests/training/test_compiling.py": {
        "training.compile": "test_the_mode_is_the_one_that_was_asked_for",
    },
    "tests/training/test_activation_checkpointing.py": {
        "training.activation_checkpointing": "test_less_is_kept_and_the_gradients_are_the_same",
    },
    "tests/training/test_adapters.py": {
        "training.adapter": "test_a_training_moves_the_adapters_and_the_head_alone",
        "training.adapter.rank": "test_rank_and_alpha_change_what_is_learned",
        "training.adapter.alpha": "test_rank_and_alpha_change_what_is_learned",
        "training.frozen_layers": "test_frozen_layers_stay_as_they_are_while_the_others_move",
    },
    "tests/training/test_pruning.py": {
        "training.compression.prune": "test_pruning_changes_the_losses_once_it_begins",
    },
    "tests/training/test_compression.py": {
        "training.compression.quantize": "test_every_layer_of_the_body_is_int8_and_nothing_else",
    },
    "tests/training/test_resuming.py": {
        "training.checkpoint_every": "test_it_goes_on_as_if_it_had_not_been_stopped",
        "training.resume": "test_it_goes_on_as_if_it_had_not_been_stopped",
    },
    "tests/executors/test_child.py": {
        "hardware.memory_limit": "test_the_memory_limit_holds_for_the_whole_tree",
    },
    "tests/executors/test_preflight.py": {
        "hardware.expect": "test_what_cannot_run_is_named",
    },
    "tests/record/test_economy.py": {
        "hardware.price_per_hour": "test_energy_cost_and_carbon_to_the_target_are_medians",
        "hardware.carbon_g_per_kwh": "test_energy_cost_and_carbon_to_the_target_are_medians",
    },
    "tests/training/test_procedures.py": {
        "measure.warmup": "test_a_throughput_run_takes_warm_up_and_measured_steps_and_never_evaluates",
        "measure.steps": "test_a_throughput_run_takes_warm_up_and_measured_steps_and_never_evaluates",
        "target.metric": "test_a_loss_is_a_target_from_above",
        "target.eval_every": "test_the_last_step_is_evaluated_even_out_of_turn",
    },
    "tests/executors/test_rounds.py": {
        "measure.repeats": "test_auto_repeats_go_on_until_the_mean_is_known",
        "measure.timeout": "test_a_timeout_is_cut_to_what_is_left_of_the_budget",
        "measure.remeasure": "test_how_often_it_is_measured_again",
    },
    "tests/record/test_summary.py": {
        "measure.confidence": "test_the_intervals_have_the_scenarios_confidence",
    },
    "tests/training/test_stopping.py": {
        "measure.relative_halfwidth": "test_the_wanted_width_decides",
    },
    "tests/executors/test_watching.py": {
        "measure.sample_interval": "test_the_telemetry_is_as_dense_as_was_asked_for",
        "measure.subtract_idle": "test_idle_power_is_watched_for_before_the_trainer_where_it_is_asked_for",
        "measure.profile": "test_how_long_a_trainer_may_look_at_itself",
    },
    "tests/record/test_reaching.py": {
        "target.at_least": "test_the_crossing_is_interpolated_and_confirmed_by_the_next_evaluation",
        "target.at_most": "test_a_loss_is_met_from_above",
    },
}


def settings() -> set[str]:
    """Every key that is no section."""
    keys = [key for key, _ in fields_of(Scenario)]
    wanted = [key for key in keys if not any(f"{key}.".startswith(f"{left}.") for left in LEFT_OUT)]
    return {key for key in wanted if not any(other.startswith(f"{key}.") for other in keys)}


def test_every_setting_has_its_test() -> None:
    tested = [key for rows in TESTS.values() for key in rows]
    assert len(tested) == len(set(tested))
    assert settings() <= set(tested) <= {key for key, _ in fields_of(Scenario)}


@pytest.mark.parametrize("file", TESTS)
def test_its_test_is_there(file: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert set(TESTS[file].values()) <= there
