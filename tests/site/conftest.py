"""The toy study that the tests of the site share."""

import pytest
from support import toysite


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    return toysite.published(tmp_path_factory.mktemp("toy"))
