//! The checks, checked: every wrong answer is rejected by the check that is about its mistake, for
//! the cause that is about it; every solution and every other right answer passes all checks; every starter, which is
//! what `reset` puts into `exercises/`, fails them by its `todo!` and in no other way.
//!
//! A wrong answer's header names both, as `rejected by: ` and `cause: `. Comments in it mark the lines at
//! which its threads hang, spin, wait or panic (`lines`). Where a `.txt` stands beside
//! it, that is the whole text of the failure, with ports, descriptors and times made constant;
//! `UPDATE=1 cargo test -p workshop --test answers` writes it anew.
//!
//! Every answer is in this one program, which runs itself, with the answer's name in `ANSWER`, as
//! an exercise of its own.

#![allow(
    missing_docs,
    clippy::all,
    reason = "answers are no library, and some are odd on purpose"
)]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use libtest_mimic::{Arguments, Failed, Trial};
use workshop::{
    checks,
    exam::{Outcome, Report, tell},
};

mod contradictions;
mod lines;

struct Answer {
    name: &'static str,
    source: &'static str,
    examine: fn() -> ExitCode,
}

macro_rules! answers {
    ($($kind:ident { $($exercise:ident $functions:tt: $($name:ident)*;)* })*) => {
        $(#[allow(dead_code, reason = "a starter has a `main`")] mod $kind { $(pub mod $exercise { $(pub mod $name;)* })* })*

        const ANSWERS: &[Answer] = &[$($($(answer!($kind, $exercise, $name, $functions),)*)*)*];
    };
}

macro_rules! answer {
    ($kind:ident, $exercise:ident, $name:ident, ($($function:ident),*)) => {
        Answer {
            name: concat!(stringify!($kind), "/", stringify!($exercise), "/", stringify!($name)),
            source: include_str!(concat!(
                stringify!($kind), "/", stringify!($exercise), "/", stringify!($name), ".rs"
            )),
            examine: || checks::$exercise::SUITE.examine_file(
                concat!(
                    stringify!($kind), "/", stringify!($exercise), "/", stringify!($name), ".rs"
                ),
                ($($kind::$exercise::$name::$function),*),
            ),
        }
    };
}

/// The solutions, each of which stands in a file of its own package.
macro_rules! solutions {
    ($($file:literal $exercise:ident ($($function:ident),*);)*) => {
        $(#[allow(dead_code, reason = "a solution has a `main`")] #[path = $file] mod $exercise;)*

        const SOLUTIONS: &[Answer] = &[$(Answer {
            name: concat!("solutions/", stringify!($exercise)),
            source: include_str!($file),
            examine: || checks::$exercise::SUITE.examine_file($file, ($($exercise::$function),*)),
        }),*];
    };
}

solutions! {
    "../../solutions/01_listener.rs" listener(listen, serve);
    "../../solutions/02_dialer.rs" dialer(dial);
    "../../solutions/03_echo.rs" echo(echo);
    "../../solutions/04_deadlines.rs" deadlines(read_line_within);
    "../../solutions/05_heartbeat.rs" heartbeat(watch);
    "../../solutions/06_reuseaddr.rs" reuseaddr(restart);
    "../../solutions/07_kv.rs" kv(serve_client);
    "../../solutions/08_close.rs" close(answer);
    "../../solutions/09_states.rs" states(bring);
    "../../solutions/10_nonblocking.rs" nonblocking(connect);
    "../../solutions/11_window.rs" window(outbox);
    "../../solutions/12_backlog.rs" backlog(listen, serve);
    "../../solutions/13_shutdown.rs" shutdown(start);
    "../../solutions/14_latency.rs" latency(prepare, put);
    "../../solutions/15_proxy.rs" proxy(relay);
    "../../solutions/16_transfer.rs" transfer(read_message);
    "../../solutions/17_datagrams.rs" datagrams(ask);
    "../../solutions/18_tftp.rs" tftp(parse, write);
    "../../solutions/19_headers.rs" headers(checksum, parse_tcp);
    "../../solutions/20_handshake.rs" handshake(states);
}

answers! {
    wrong_answers {
        listener(listen, serve): a_hundred_at_a_time adds_a_newline an_error_of_its_own another_port
            asks_the_dead backlog_of_one closes_at_once continues echoes ends_at_no_descriptor
            every_address expects_the_address flattens forgets_reuse_address four_at_a_time
            greets_or_ends greets_under_a_lock greets_where_it_accepts ignores_end_of_file ipv4_only
            keeps_every_handle leaves_a_thread_behind never_flushes never_listens never_waits
            never_waits_again no_descriptor_no_server one_at_a_time one_read_is_all
            outlives_its_listener parks_for_ever pool_of_four returns_ok reuse_address_too_late
            shares_the_port sleeps_for_seconds small_backlogs_only std_backlog tries_for_ever
            unwraps waits_for_the_client writes_once;

        dialer(dial): a_fixed_time_each a_least_time_each a_limit_for_each all_for_the_first
            another_kind backwards connects_to_all dials_when_it_has_returned divides_by_none
            forgets_its_timeout forgets_to_close forgets_what_was_refused hands_on_zero
            keeps_a_clone keeps_half_in_reserve leaves_a_clock leaves_the_losers names_only no_address_is_not_found
            no_limit one_family only_the_first refused_if_any_was rests_after_a_refusal
            sorts_by_family stays_non_blocking subtracts_below_zero takes_begun_for_connected
            takes_begun_for_failed takes_writable_for_connected tells_of_the_first
            ten_milliseconds_each the_last_error_only three_at_most three_rounds tries_again unwraps
            waits_for_a_winner zero_is_invalid;

        echo(echo): counts_reads ends_at_silence exits_the_process forgets_to_close
            ignores_end_of_file ignores_the_rest keeps_everything lines_only listens_to_quit
            loses_a_writes_error never_flushes one_read_is_all returns_before_its_thread shouts
            shuts_down_and_forgets starts_threads_for_ever stops_at_a_short_read
            takes_a_reset_for_the_end text_only unwraps waits_for_the_end whole_buffer;

        deadlines(read_line_within): a_new_reader_each_time a_timeout_for_each_read closes_at_the_time_out
            compares_with_max_at_the_end counts_in_microseconds counts_the_newline cuts_long_lines
            gives_up_at_a_signal has_no_max has_no_room_for_the_newline keeps_the_newline
            leaves_a_thread_behind looks_at_the_clock_only makes_text_of_each_piece
            matches_timed_out_only one_read_is_a_line passes_zero_on peeks_at_the_same_again
            reads_again_after_each_time_out replaces_what_is_no_text spins
            starts_again_after_a_pause stops_at_what_is_no_text subtracts_too_much
            takes_a_whole_buffer takes_an_error_for_the_end takes_the_end_for_a_newline trims
            unwraps waits_after_the_end overflows_at_the_largest_max stays_non_blocking
            stays_non_blocking_after_an_error leaves_a_watchdog begins_with_the_first_byte
            a_second_at_most whole_milliseconds a_signal_extends_the_limit a_buffer_of_1024
            drops_zeros looks_one_byte_further leaks_a_clone shuts_down_after_an_error
            stops_reading_after_an_error a_reset_before_a_line_is_the_end at_least_a_second
            looks_at_the_deadline_in_pauses;

        heartbeat(watch): a_full_window_holds_it_up a_reset_is_closed a_timeout_is_an_error
            a_timeout_is_silence counts_on_after_an_answer end_of_file_is_an_error
            end_of_file_is_silence every_error_is_a_timeout
            gives_up_with_the_last_ping keepalive_only leaves_a_thread
            leaves_its_timeout never_counts_anew no_room_is_an_error
            only_pong_counts only_writes passes_the_reset_on pings_by_the_clock
            pings_first pings_once_more reads_lines reads_on_at_end_of_file
            sending_is_life sends_no_newline shuts_down sleeps_between_looks spins;

        reuseaddr(restart): aborts_connections accept_times_out backlog_of_one backlog_of_std
            both_families error_of_its_own every_address ignores_the_port inherited ipv4_only
            keeps_a_clone knocks_first leaks_on_an_error looks_in_the_table never_listens no_option
            nonblocking option_after_bind option_only_when_in_use reuse_port_instead reuse_port_too
            takes_any_port tries_three_times tries_without_end unwraps v6only_after_bind
            v6only_on_every_socket waits_until_it_is_free waits_without_the_option;

        kv(serve_client): a_reader_for_each_line answers_quit answers_the_end_of_file closes_at_quit
            closes_with_bytes_unread counts_characters counts_the_newline drains_before_the_end
            end_of_file_is_an_error ends_after_a_request ends_at_a_bad_request executes_a_cut_line
            executes_ahead first_line_of_a_read forgets_the_newline goes_on_in_the_middle
            ignores_end_of_file indexes keeps_a_clone locks_before_it_reads
            locks_for_the_whole_connection locks_twice looks_at_the_length_too_late
            loses_a_writes_error lossy never_flushes no_limit one_read_is_a_request one_word
            overtakes_its_answers resets_at_quit resets_behind_quit resets_behind_the_end
            splits_at_every_space takes_a_reset_for_the_end takes_anything text_only trims unwraps
            unwraps_the_first_line waits_for_all works_on_a_copy writes_none_with_the_lock
            writes_ok_with_the_lock writes_with_the_lock ends_a_silent_client
            flushes_when_all_is_read locks_while_it_drains a_reset_in_a_line_is_a_cut
            drops_zeros limits_each_read refuses_an_empty_value leaks_after_quit
            leaks_after_an_error quits_at_a_carriage_return stays_in_a_long_line
            executes_after_a_long_line;

        close(answer): a_limit_for_each_half a_timeout_for_each_read a_timeout_for_each_write
            closes_at_once ends_a_little_early forgets_the_fin gives_up_at_a_signal hears_first
            ignores_end_of_file keeps_a_clone leaves_a_thread lingers loses_a_reset
            no_limit ok_at_the_limit one_write passes_zero_on reads_once
            reads_what_is_there resets_at_the_end says_would_block shuts_down_again
            shuts_down_both sleeps stops_at_the_peers_end unwraps
            writes_without_limit;

        states(bring): a_write_that_blocks closes_in_order closes_the_other
            closes_with_bytes_unread does_not_wait_for_the_fin forgets_a_stream
            hands_back_the_other_way_round keeps_a_clone nothing_in_front one_after_the_other
            only_one_way_round reads_a_part takes_full_for_a_failure takes_what_cannot_be
            the_client_closes_first too_little_in_front turns_round_for_ever;

        nonblocking(connect): adds_the_limit asks_for_pollin_only asks_for_the_peers_address
            asks_so_error_twice begins_anew_after_a_signal blocks_again_at_the_time_out
            blocks_in_connect connects_again cuts_the_limit dials_in_slices gives_up_at_a_signal
            ignores_what_connect_says ipv4_only keeps_a_clone leaves_a_thread_dialing
            looks_at_cancel_first reads_from_cancel says_interrupted stays_non_blocking
            takes_einprogress_for_failure takes_writable_for_connected
            takes_zero_for_no_limit tries_it_with_a_byte waits_until_readable;

        window(outbox): always_asks asks_for_reading buffers drops_its_handle
            drops_the_rest_of_the_queue
            every_error_is_would_block fin_at_once finishes_blocking forgets_the_fin
            forgets_the_fin_behind_the_queue full_is_an_error ignores_the_rest
            later_for_ever never_asks no_limit one_below_its_limit one_piece_a_call
            only_queues overtakes polls_itself queues_all_of_it_again queues_before_it_looks
            shuts_down_twice sleeps_once spins stays_blocking takes_a_part
            takes_more_after_the_end throws_the_queue_away tries_for_a_while unwraps waits_a_little
            write_all writes_before_it_looks;

        backlog(listen, serve): a_thread_each accepts_ahead as_long_as_may_be asserts casts
            cuts_it_itself ends_at_a_clients_error holds_the_lock in_batches loses_the_error
            one_ahead one_at_a_time std_bind tries_for_ever trusts_listen turns_away unwraps
            waits_for_itself;

        shutdown(start): a_limit_anew_for_each_end a_limit_for_each a_second_for_each_read blocks_nobody
            closes_with_a_queue counts_everybody cuts_off_at_once dials_localhost drops_a_handle
            ends_reads_only ends_the_reading forgets_its_pipe hands_its_timeout_on has_no_limit
            keeps_a_handle leaves_its_acceptor listens_while_it_waits one_at_a_time
            returns_at_once sets_a_flag shuts_the_listener_down spins takes_the_first_for_the_last
            unwraps waits_the_whole_limit looks_for_a_stop_every_second
            looks_for_the_end_every_second accepts_once_a_second refuses_a_limit_of_zero
            resets_what_it_closes limits_each_write limits_who_was_queued a_second_at_most
            at_most_32 counts_what_is_left_after_it drains_a_few sets_no_delay_and_keepalive;

        latency(prepare, put): a_buffer_of_8_kib a_write_for_each_piece acknowledges_quickly another_error
            corks_for_good ends_with_a_newline header_then_value keeps_small_ones more_to_come
            never_flushes one_vectored_write prepares_nothing sets_no_delay_itself
            shuts_down_to_push starts_again text_only the_header_is_always_taken unwraps
            waits_for_the_ack waits_for_the_answer writes_on;

        proxy(relay): closes_at_the_first_end closes_in_order drops_a_clone ignores_end_of_file
            in_turns leaks_a_descriptor line_by_line lingers_not_at_all never_flushes no_half_close
            one_after_the_other one_thread_writes_for_both queues_without_limit resets_one_of_them
            returns_without_joining sends_a_fin_first shuts_down_both_halves
            shuts_down_the_wrong_one spins swaps_the_counts takes_a_reset_for_the_end unwraps
            waits_for_the_end waits_for_the_other_direction whole_buffer;

        transfer(read_message): a_cut_length_is_the_end a_new_reader_each_time a_short_length_is_the_end
            a_time_out_is_the_end adds_to_the_limit believes_it_after_a_while believes_the_length
            compares_too_late counts_the_header counts_the_length_too cuts_the_limit
            gives_up_at_a_signal has_a_sign has_a_timeout_of_its_own has_no_limit
            ignores_how_much_it_read keeps_the_header leaves_a_thread_behind little_endian
            one_read_for_the_message one_read_is_a_message peeks_at_the_same_again peeks_only
            reads_into_no_room reads_on_at_the_end refuses_the_limit_itself reserves_it_all
            returns_a_part_at_the_end returns_what_one_read_brought says_timed_out
            says_unexpected_eof sets_memory_aside_first shuts_down skips_what_it_refuses spins
            starts_again_after_a_signal stays_non_blocking takes_a_reset_for_the_end
            takes_the_timeout_off the_end_is_an_error throws_away_what_is_there
            too_long_is_the_end unwraps waits_again_after_a_time_out waits_behind_zero
            zero_is_the_end shuts_down_after_an_error a_full_buffer_means_more at_most_a_mebibyte
            trims_zeros leaks_a_clone leaves_a_timeout_when_it_refuses
            stays_non_blocking_after_a_message stops_reading_when_it_refuses
            leaves_a_thread_when_it_refuses refuses_more_than_2_gib
            a_reset_before_a_message_is_the_end accepts_one_byte_more;

        datagrams(ask): a_small_buffer adds_50_ms an_error_of_its_own
            begins_the_wait_anew compares_the_buffer
            drops_an_empty_answer empty_is_the_end every_200_ms every_50_ms
            gives_up_after_three_tries gives_up_at_a_signal gives_up_at_a_stranger
            ignores_the_limit ignores_what_send_says keeps_the_number leaves_a_thread
            leaves_its_timeout leaves_its_timeout_after_an_error
            looks_at_the_limit_between_pauses looks_at_the_limit_in_silence_only
            lowest_byte_first never_sends_again passes_over_every_error
            passes_over_the_first_error passes_zero_on says_would_block
            sends_again_at_each_datagram slices_without_looking spins takes_the_timeout_away takes_the_whole_buffer takes_whatever_comes two_sends
            a_signal_is_a_time_out;

        tftp(parse, write): a_block_is_text a_long_ack a_number_in_a_byte an_error_in_utf_8_only
            an_error_without_a_nul an_opcode_of_one_byte ascii_only at_most_512
            blocks_in_the_wrong_order empty_is_too_short first_of_a_name forgets_options
            indexes joins judges_the_mode keeps_the_nul keeps_what_it_found keeps_what_it_has latin_1
            little_endian lossy lowercases makes_up_a_value needs_options needs_the_nul
            no_empty_strings no_options one_byte_opcode pads reads_for_writes
            reads_on_behind_the_nul sorts spins takes_what_is_cut trims_names unwraps
            values_are_numbers;

        headers(checksum, parse_tcp): ack_where_seq_is adds_the_carries_once asks_for_20_only counts_words
            drops_the_unknown ends_at_a_kind_without_a_length
            ends_at_a_length_that_cannot_be ends_at_the_unknown index_beyond
            lists_what_is_nothing loses_the_carries low_byte_first
            low_byte_of_a_field_first needs_data never_zero no_complement
            no_less_than_20 one_has_a_length one_range option_into_the_data
            options_to_the_end reads_on_behind_the_end refuses_the_unknown six_flags
            stays_at_a_length_of_zero sums_in_16_bits takes_the_reserved_bits_too
            takes_what_is_left trusts_the_kind unwraps whole_words_only zero_in_front
            longer_than_it_knows;

        handshake(states): a_syn_begins_anew a_syn_is_an_answer adds_numbers
            any_ack_is_of_the_fin begins_at_zero both_wait closes_what_is_open compares_numbers counts_each_fin each_close_is_the_first
            established_by_its_own_answer forgets_an_early_fin hears_resets_only no_closing
            one_step_a_segment only_changes only_the_next_piece pieces_must_fit refused_only
            swaps_the_ends takes_a_fin_at_once the_fin_first the_last_sent_is_all waits_for_the_gap
            a_fin_stands_first any_fin_is_the_last keeps_what_it_found;
    }
    right_answers {
        listener(listen, serve): computes_after_each_read four_threads_accept listens_twice one_thread_polls
            sleeps_after_each_read threads;

        dialer(dial): equal_shares half_of_what_remains in_rounds races_with_a_head_start
            send_timeout threads_that_are_joined;

        echo(echo): a_byte_at_a_time fill_and_consume io_copy leaves_a_process_behind polls talks_a_lot
            two_threads;

        deadlines(read_line_within): a_byte_at_a_time computes_after_each_read naps polls
            sleeps_after_each_read the_workshops_own;

        heartbeat(watch): by_the_lessons_deadline by_timeouts computes_after_each_read looks_every_5_ms
            reader_and_clock sleeps_after_each_read;

        reuseaddr(restart): calls_of_nix in_one_place on_another_thread slow std_listens_twice;

        kv(serve_client): a_byte_at_a_time closes_early computes_after_each_read its_own_buffer polls
            sleeps_after_each_read two_threads wakes_up_often;

        close(answer): computes_after_each_read in_small_pieces polls
            reads_while_it_writes seven_bytes_at_a_time sleeps_after_each_read the_workshops_own;

        states(bring): a_byte_at_a_time by_loss by_time_outs computes drops_what_it_can in_letters
            sleeps_after_each_read slow;

        nonblocking(connect): asks_connect_again by_epoll naps shuts_a_blocking_dial_down;

        window(outbox): a_byte_at_a_time computes_in_each_call dont_wait flushes_first keeps_the_pieces;

        backlog(listen, serve): asks_afterwards hands_over permits polls;

        shutdown(start): connects_to_itself drains_then_shuts_down looks_every_20_ms polls;

        latency(prepare, put): a_buffer_with_room computes corks more_to_come naps no_delay_for_a_call
            vectored;

        proxy(relay): a_byte_at_a_time a_few_bytes_at_a_time clones_and_loops computes naps polls
            queues_a_little;

        transfer(read_message): a_byte_at_a_time computes_after_each_read in_chunks reads_vectored
            seven_bytes_at_a_time sleeps_after_each_read;

        datagrams(ask): a_thread_that_sends naps polls the_workshops_own;

        tftp(parse, write): a_byte_at_a_time by_a_reader by_splitting computes the_workshops_own;

        headers(checksum, parse_tcp): by_recursion by_the_workshops_own computes low_bytes_first_then_swapped;

        handshake(states): computes from_a_table from_the_facts strict_and_slow;
    }
    starters {
        listener(listen, serve): starter;
        dialer(dial): starter;
        echo(echo): starter;
        deadlines(read_line_within): starter;
        heartbeat(watch): starter;
        reuseaddr(restart): starter;
        kv(serve_client): starter;
        close(answer): starter;
        states(bring): starter;
        nonblocking(connect): starter;
        window(outbox): starter;
        backlog(listen, serve): starter;
        shutdown(start): starter;
        latency(prepare, put): starter;
        proxy(relay): starter;
        transfer(read_message): starter;
        datagrams(ask): starter;
        tftp(parse, write): starter;
        headers(checksum, parse_tcp): starter;
        handshake(states): starter;
    }
}

fn main() -> ExitCode {
    if let Ok(name) = env::var("ANSWER") {
        let answer = all_answers().find(|answer| answer.name == name);
        return (answer
            .expect("the test names an answer of the list")
            .examine)();
    }
    let mut arguments = Arguments::from_args();
    // Most of them hang, for that is their mistake: many can hang at once.
    arguments.test_threads = arguments.test_threads.or(Some(12));
    let mut trials = vec![
        Trial::test("every_answer_is_in_the_list", every_answer_is_in_the_list),
        Trial::test("nothing_is_left_of_an_answer", nothing_is_left_of_an_answer),
        Trial::test("contradictions_are_found", || {
            contradictions::contradictions_are_found();
            Ok(())
        }),
        Trial::test("marks_are_read", || {
            lines::marks_are_read();
            Ok(())
        }),
    ];
    trials.extend(all_answers().map(|answer| {
        let verdict = match answer.name.split('/').next() {
            Some("wrong_answers") => is_rejected_for_its_mistake,
            Some("right_answers" | "solutions") => passes_every_check,
            _ => is_still_to_be_written,
        };
        Trial::test(answer.name, move || verdict(answer))
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn all_answers() -> impl Iterator<Item = &'static Answer> {
    ANSWERS.iter().chain(SOLUTIONS)
}

fn is_rejected_for_its_mistake(answer: &Answer) -> Result<(), Failed> {
    let header = |key: &str| {
        let mut lines = answer
            .source
            .lines()
            .take_while(|line| line.starts_with("//!"));
        lines
            .find_map(|line| line.strip_prefix("//! ")?.strip_prefix(key))
            .ok_or_else(|| Failed::from(format!("the header has no line `{key}`")))
    };
    let (check, cause) = (header("rejected by: ")?, header("cause: ")?);
    let reports = examine(answer, &[check])?;
    let report = reports.iter().find(|report| report.check == check);
    let report = report.ok_or_else(|| format!("there is no check `{check}`"))?;
    let text = tell(report);
    if is_too_busy(report) {
        return Ok(());
    }
    match &report.outcome {
        Outcome::Failed(failure) if failure.cause.as_ref().is_some_and(|is| is.contains(cause)) => {
        }
        _ => return Err(format!("expected the cause `{cause}`:\n{text}").into()),
    }
    has_no_contradiction(report)?;
    shows_the_marked_lines(answer, report)?;
    let kept = path(answer).with_extension("txt");
    if !kept.exists() {
        return Ok(());
    }
    let text = constant(&text);
    if env::var_os("UPDATE").is_some() {
        fs::write(kept, text)?;
    } else if fs::read_to_string(&kept)? != text {
        return Err(format!("not as in {}:\n{text}", kept.display()).into());
    }
    Ok(())
}

/// A rule about time could not be timed, or a check was starved: nothing is known of the answer.
fn is_too_busy(report: &Report) -> bool {
    matches!(&report.outcome, Outcome::NotHere { why } if why.starts_with("the machine is too busy"))
}

/// No failure may have a cause that its own evidence excludes.
fn has_no_contradiction(report: &Report) -> Result<(), Failed> {
    let Outcome::Failed(failure) = &report.outcome else {
        return Ok(());
    };
    match contradictions::contradictions(failure)[..] {
        [] => Ok(()),
        [first, ..] => Err(format!("a contradiction: {first}\n{}", tell(report)).into()),
    }
}

/// The lines that a failure shows are those that the answer says.
fn shows_the_marked_lines(answer: &Answer, report: &Report) -> Result<(), Failed> {
    let Outcome::Failed(failure) = &report.outcome else {
        return Ok(());
    };
    let file = format!("{}.rs", answer.name);
    match lines::wrong_place(answer.source, &file, failure) {
        None => Ok(()),
        Some(wrong) => Err(format!("{wrong}\n{}", tell(report)).into()),
    }
}

fn passes_every_check(answer: &Answer) -> Result<(), Failed> {
    let reports = examine(answer, &[])?;
    let not_passed =
        |report: &&Report| matches!(report.outcome, Outcome::Failed(_) | Outcome::Todo { .. });
    match reports.iter().find(not_passed) {
        Some(report) => Err(tell(report).into()),
        None if reports.is_empty() => Err("no check was made".into()),
        None => Ok(()),
    }
}

/// A starter fails every check by its `todo!`, and in no other way.
fn is_still_to_be_written(answer: &Answer) -> Result<(), Failed> {
    let reports = examine(answer, &[])?;
    let otherwise = |report: &&Report| !matches!(report.outcome, Outcome::Todo { .. });
    match reports.iter().find(otherwise) {
        Some(report) => Err(tell(report).into()),
        None if reports.is_empty() => Err("no check was made".into()),
        None => Ok(()),
    }
}

/// Runs the checks whose names contain one of these parts, or all.
fn examine(answer: &Answer, parts: &[&str]) -> Result<Vec<Report>, Failed> {
    let output = Command::new(env::current_exe()?)
        .env("ANSWER", answer.name)
        .args(parts)
        .arg("--json")
        .output()?;
    let reports = String::from_utf8(output.stdout)?;
    Ok(reports
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?)
}

fn every_answer_is_in_the_list() -> Result<(), Failed> {
    let listed: BTreeSet<PathBuf> = ANSWERS.iter().map(path).collect();
    let mut there = BTreeSet::new();
    for kind in ["wrong_answers", "right_answers", "starters"] {
        for exercise in fs::read_dir(tests().join(kind))? {
            let files = fs::read_dir(exercise?.path())?;
            let paths = files.map(|file| file.map(|file| file.path()));
            there.extend(paths.collect::<Result<Vec<_>, _>>()?);
        }
    }
    there.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let differ: Vec<_> = listed.symmetric_difference(&there).collect();
    match differ[..] {
        [] => Ok(()),
        _ => Err(format!("listed, or there, but not both: {differ:?}").into()),
    }
}

/// A program that an answer has started is killed with it.
fn nothing_is_left_of_an_answer() -> Result<(), Failed> {
    let seconds = format!("3600.{}", std::process::id()); // no other test's
    let checks = Command::new(env::current_exe()?)
        .env("ANSWER", "right_answers/echo/leaves_a_process_behind")
        .env("LEFT_BEHIND", &seconds)
        .arg("ends at end of file")
        .output()?;
    assert!(
        checks.status.success(),
        "{}",
        String::from_utf8_lossy(&checks.stdout)
    );
    for process in fs::read_dir("/proc")?.flatten() {
        let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command);
        if command.contains("sleep") && command.contains(&seconds) {
            return Err(format!("still running: {command}").into());
        }
    }
    Ok(())
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn path(answer: &Answer) -> PathBuf {
    tests().join(answer.name).with_extension("rs")
}

/// How much CPU time a spin took, which differs from run to run, as `N ms`.
fn without_cpu_time(line: &str) -> String {
    match line.split_once(" ms of CPU time") {
        Some((before, after)) => {
            let before = before.trim_end_matches(|c: char| c.is_ascii_digit());
            format!("{before}N ms of CPU time{after}")
        }
        None => line.to_owned(),
    }
}

/// Where in its loop a thread that spins is found differs from run to run.
fn without_place_of_a_spin(text: &str) -> String {
    let is_place =
        |part: &&str| part.trim_start().starts_with("-->") && part.contains("runs again and again");
    let parts: Vec<&str> = text.split("\n\n").filter(|part| !is_place(part)).collect();
    parts.join("\n\n")
}

/// The text without what differs from run to run: ports become `port1`, `port2`, … in the order in
/// which they appear, descriptors `fd N`, and the time it took goes.
fn constant(text: &str) -> String {
    let mut ports: Vec<String> = Vec::new();
    let mut constant = String::new();
    for line in without_place_of_a_spin(text).lines() {
        let line = match line.split_once("  ") {
            Some(("FAILED", name)) => {
                let name = name.trim_start().split("  ").next(); // behind it is the time
                &format!("FAILED    {}", name.unwrap_or_default())
            }
            _ => &without_cpu_time(line),
        };
        let mut words = Vec::new();
        for word in line.split(' ') {
            let end = word.trim_end_matches(|c: char| !c.is_ascii_digit());
            let start = end.trim_end_matches(|c: char| c.is_ascii_digit());
            let (number, after) = (&end[start.len()..], &word[end.len()..]);
            let is_port = start.ends_with(':') || ports.iter().any(|port| port == number);
            words.push(
                if !number.is_empty()
                    && words
                        .last()
                        .is_some_and(|last| last == "fd" || last == "descriptor")
                {
                    format!("{start}N{after}")
                } else if is_port && number.len() > 3 {
                    let known = ports.iter().position(|port| port == number);
                    let index = known.unwrap_or_else(|| {
                        ports.push(number.to_owned());
                        ports.len() - 1
                    });
                    format!("{start}port{}{after}", index + 1)
                } else {
                    word.to_owned()
                },
            );
        }
        constant += words.join(" ").trim_end();
        constant.push('\n');
    }
    constant
}
