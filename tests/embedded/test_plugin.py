import os, pytest
@pytest.mark.django_db
def test_a():
    from django.db import connection
    print(connection.settings_dict["PORT"], os.environ["REDIS_URL"])
    import redis; print(redis.Redis.from_url(os.environ["REDIS_URL"]).ping())
