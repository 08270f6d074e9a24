"""Room for bodies: who gets it, and when."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pynetes.http.budget import Budget


def test_room_is_given_in_the_order_of_asking_even_where_a_smaller_wish_would_fit():
    got = []
    budget = Budget(100)
    assert budget.take(60, lambda: got.append("a"))
    assert not budget.take(50, lambda: got.append("b"))
    assert not budget.take(10, lambda: got.append("c"))
    assert got == []
    budget.give_back(60)
    assert got == ["b", "c"] and budget.free == 40


def test_whoever_withdraws_lets_the_next_go_ahead():
    got = []
    budget = Budget(100)
    assert budget.take(60, lambda: None)

    def first():
        got.append("first")

    assert not budget.take(100, first)
    assert not budget.take(40, lambda: got.append("second"))
    budget.withdraw(first)
    assert got == ["second"] and budget.free == 0


def test_more_than_there_is_gets_everything():
    budget = Budget(100)
    assert budget.take(1000, lambda: None)
    assert budget.free == 0
    budget.give_back(1000)
    assert budget.free == 100


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["take", "end", "withdraw"]), st.integers(0, 150)), max_size=60))
def test_nothing_is_lost_and_never_is_more_given_than_there_is(steps):
    budget = Budget(100)
    holds, waits = {}, {}
    for number, (what, amount) in enumerate(steps):
        if what == "take":

            def given(number=number):
                holds[number] = waits.pop(number)[0]

            if budget.take(amount, given):
                holds[number] = amount
            else:
                waits[number] = amount, given
        elif what == "end" and holds:
            budget.give_back(holds.pop(list(holds)[amount % len(holds)]))
        elif what == "withdraw" and waits:
            number = list(waits)[amount % len(waits)]
            budget.withdraw(waits.pop(number)[1])
        assert 0 <= budget.free == 100 - sum(min(held, 100) for held in holds.values())
        if waits:
            assert min(next(iter(waits.values()))[0], 100) > budget.free
