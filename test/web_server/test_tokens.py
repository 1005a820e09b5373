"""The file of the token, and what is refused as one."""

import os

import pytest
from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.web_server.tokens import read_or_make, Token


def test_it_is_made_once(tmp_path):
    path = tmp_path / 'new' / 'folder' / 'token'
    token, new = read_or_make(path)
    assert new and len(token) == 43
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == ['token']
    assert read_or_make(path) == (token, False)


@pytest.mark.parametrize('content, mode, words', [
    (b'', 0o600, 'holds no token'), (b'\n\n', 0o600, 'holds no token'),
    (b'short', 0o600, 'holds no token'), (b'a' * 5000, 0o600, 'holds no token'),
    ('ü'.encode() * 20, 0o600, 'holds no token'), (b'\0' * 40, 0o600, 'holds no token'),
    (b'two words that are long', 0o600, 'holds no token'),
    (b'long enough-but-open' * 2, 0o602, 'others can write it'),
    (b'longenough-but-open' * 2, 0o620, 'others can write it')])
def test_what_is_refused(tmp_path, content, mode, words):
    path = tmp_path / 'token'
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(ParameterError, match=words) as caught:
        read_or_make(path)
    assert str(caught.value).startswith(f"parameter 'web_token_file': '{path}': ")
    assert path.read_bytes() == content


def test_what_cannot_be_made_or_read(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(ParameterError, match='cannot be written'):
        read_or_make(tmp_path / 'file' / 'token')
    with pytest.raises(ParameterError, match='cannot be written'):
        read_or_make(tmp_path / ('a' * 300))
    with pytest.raises(ParameterError, match='cannot be read'):
        read_or_make(tmp_path)
    (tmp_path / 'link').symlink_to(tmp_path / 'nowhere')
    with pytest.raises(ParameterError, match='cannot be read'):
        read_or_make(tmp_path / 'link')


def test_of_another_user(tmp_path, monkeypatch):
    """Whoever owns a file can write it, whatever its mode."""
    path = tmp_path / 'token'
    path.write_text('a-token-of-another-42')
    path.chmod(0o600)
    if os.geteuid():
        monkeypatch.setattr(os, 'geteuid', lambda: 1_234_567)
    else:
        os.chown(path, 1_234_567, -1)
    with pytest.raises(ParameterError, match='belongs to another user'):
        read_or_make(path)


def test_of_users(tmp_path):
    path = tmp_path / 'token'
    path.write_text('  a-token-of-mine-42 \n')
    path.chmod(0o600)
    assert read_or_make(path) == ('a-token-of-mine-42', False)


def test_cookies_are_not_the_token():
    token, other = Token('a' * 32), Token('b' * 32)
    assert token.is_token('a' * 32)
    assert not any(map(token.is_token, ('', 'a' * 31, 'b' * 32, '\ud800', token.everywhere)))
    assert len({token.everywhere, token.here, other.everywhere, other.here}) == 4
    assert token.is_cookie(token.here, token.everywhere, token.here)
    assert not token.is_cookie(token.here, token.everywhere)
    assert not token.is_cookie('', token.everywhere)
    assert not token.is_cookie('\udcff', token.here)
