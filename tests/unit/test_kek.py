"""Key-encryption keys: where they come from, what they open, and how the key of an epoch ends."""

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from accord.keys.kek import FileKeks, GivenKeks, KeyUnreadableError, open_keks
from accord.keys.secrets import SECRET_BYTES, SecretsError, read_secret

KEY, BOUND = b"key of a customer, 32 bytes long", b"whose it is"
ONE, TWO = base64.b64encode(b"1" * SECRET_BYTES).decode(), base64.b64encode(b"2" * SECRET_BYTES).decode()


class TestFiles:
    def test_the_first_start_makes_the_first_and_the_next_finds_it(self, tmp_path: Path) -> None:
        wrapped = FileKeks(tmp_path).wrap(1, KEY, BOUND)
        assert FileKeks(tmp_path).unwrap(1, wrapped, BOUND) == KEY
        assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {"kek-1": 0o600}

    def test_processes_that_start_together_agree(self, tmp_path: Path) -> None:
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda _: FileKeks(tmp_path).wrap(1, KEY, BOUND), range(16)))
        assert {FileKeks(tmp_path).unwrap(1, each, BOUND) for each in made} == {KEY}

    def test_a_start_after_a_rotation_makes_no_first_one_anew(self, tmp_path: Path) -> None:
        keks = FileKeks(tmp_path)
        keks.make(2)
        assert keks.destroy(1)
        FileKeks(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["kek-2"]

    def test_a_running_process_learns_of_an_epoch_it_does_not_know(self, tmp_path: Path) -> None:
        server, rotation = FileKeks(tmp_path), FileKeks(tmp_path)
        rotation.make(2)
        assert server.unwrap(2, rotation.wrap(2, KEY, BOUND), BOUND) == KEY

    def test_making_an_epoch_that_is_there_leaves_it_as_it_is(self, tmp_path: Path) -> None:
        keks = FileKeks(tmp_path)
        wrapped = keks.wrap(1, KEY, BOUND)
        keks.make(1)
        assert FileKeks(tmp_path).unwrap(1, wrapped, BOUND) == KEY

    def test_what_was_destroyed_opens_nothing_in_this_process_or_another(self, tmp_path: Path) -> None:
        keks = FileKeks(tmp_path)
        wrapped = keks.wrap(1, KEY, BOUND)
        keks.make(2)
        assert keks.destroy(1)
        assert keks.destroy(1), "again, as after a crash"
        for each in (keks, FileKeks(tmp_path)):
            with pytest.raises(KeyUnreadableError, match="epoch 1 is not here"):
                each.unwrap(1, wrapped, BOUND)

    def test_one_destroyed_while_they_are_read_is_not_among_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rotation = FileKeks(tmp_path)
        wrapped = rotation.wrap(1, KEY, BOUND)
        server = FileKeks(tmp_path)
        rotation.make(2)
        moved = rotation.wrap(2, KEY, BOUND)

        def late(path: Path) -> bytes:
            (tmp_path / "kek-1").unlink(missing_ok=True)
            return read_secret(path)

        with monkeypatch.context() as patched:
            patched.setattr("accord.keys.secrets.read_secret", late)
            assert server.unwrap(2, moved, BOUND) == KEY
        with pytest.raises(KeyUnreadableError, match="epoch 1 is not here"):
            server.unwrap(1, wrapped, BOUND)

    def test_the_file_is_overwritten_before_it_goes(self, tmp_path: Path) -> None:
        keks = FileKeks(tmp_path)
        old = (tmp_path / "kek-1").read_bytes()
        (tmp_path / "another name of the same bytes").hardlink_to(tmp_path / "kek-1")
        keks.destroy(1)
        (left,) = tmp_path.iterdir()
        assert (left.read_bytes() != old, left.stat().st_size) == (True, SECRET_BYTES)

    def test_a_damaged_file_stops_the_start(self, tmp_path: Path) -> None:
        (tmp_path / "kek-1").write_bytes(b"short")
        with pytest.raises(SecretsError, match="kek-1 must hold 32 bytes; restore it from your backup"):
            FileKeks(tmp_path)


class TestEnvironment:
    def test_comes_first_and_leaves_no_file(self, tmp_path: Path) -> None:
        keks = open_keks(tmp_path, {"ACCORD_KEK": ONE})
        assert GivenKeks({1: b"1" * 32}).unwrap(1, keks.wrap(1, KEY, BOUND), BOUND) == KEY
        assert list(tmp_path.iterdir()) == []

    def test_left_out_or_empty_there_are_files(self, tmp_path: Path) -> None:
        assert isinstance(open_keks(tmp_path, {"ACCORD_KEK": ""}), FileKeks)

    def test_the_next_one_belongs_to_the_epoch_after(self, tmp_path: Path) -> None:
        keks = open_keks(tmp_path, {"ACCORD_KEK": ONE, "ACCORD_KEK_EPOCH": "4", "ACCORD_KEK_NEXT": TWO})
        keks.make(5)
        assert GivenKeks({5: b"2" * 32}).unwrap(5, keks.wrap(5, KEY, BOUND), BOUND) == KEY

    def test_nobody_but_whoever_sets_it_makes_or_destroys_one(self, tmp_path: Path) -> None:
        keks = open_keks(tmp_path, {"ACCORD_KEK": ONE})
        with pytest.raises(SecretsError, match="set ACCORD_KEK_NEXT"):
            keks.make(2)
        assert not keks.destroy(1)
        with pytest.raises(KeyUnreadableError):
            keks.wrap(1, KEY, BOUND)

    @pytest.mark.parametrize("name", ["ACCORD_KEK", "ACCORD_KEK_NEXT"])
    @pytest.mark.parametrize("text", ["???", "AAAA", ONE[:-1], ONE + "\n"])
    def test_a_variable_that_is_no_key_is_refused_by_its_name(self, tmp_path: Path, name: str, text: str) -> None:
        with pytest.raises(SecretsError, match=name) as refused:
            open_keks(tmp_path, {"ACCORD_KEK": ONE, name: text})
        assert text not in str(refused.value)

    @pytest.mark.parametrize("epoch", ["0", "-1", "x", "1.5", "²"])
    def test_an_epoch_is_a_number_from_one_on(self, tmp_path: Path, epoch: str) -> None:
        with pytest.raises(SecretsError, match="ACCORD_KEK_EPOCH"):
            open_keks(tmp_path, {"ACCORD_KEK": ONE, "ACCORD_KEK_EPOCH": epoch})


@pytest.mark.parametrize("bound", [b"", b"whose it was", b"whose it is\0"])
def test_a_key_opens_with_what_it_was_bound_to_only(bound: bytes) -> None:
    keks = GivenKeks({1: b"1" * 32, 2: b"1" * 32})
    wrapped = keks.wrap(1, KEY, BOUND)
    assert KEY not in wrapped
    with pytest.raises(KeyUnreadableError):
        keks.unwrap(1, wrapped, bound)
