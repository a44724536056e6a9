"""The second factor of staff: a code from an app on their phone (TOTP), asked for once a session."""

import base64
import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import qrcode
import qrcode.image.svg
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django_otp import devices_for_user, login, match_token
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.widgets import UnfoldAdminTextInputWidget

from circletel.core import audit
from circletel.core.rest.problems import CONTENT_TYPE

RECOVERY_CODES = 8


class SecondFactorMiddleware:
    """Whoever is logged in with a session and still owes the second factor gets no further than its page.

    Requests with a token of their own are not sessions and are not stopped here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not (settings.STAFF_TOTP_REQUIRED and request.user.is_authenticated) or _is_free(request):
            return self.get_response(request)
        if request.user.is_verified():  # type: ignore[attr-defined]
            return self.get_response(request)
        page = reverse("second-factor")
        if request.path_info.startswith("/admin/"):
            return HttpResponseRedirect(f"{page}?{urlencode({'next': request.get_full_path()})}")
        return JsonResponse(
            {
                "type": "urn:circletel:problem:second-factor-needed",
                "title": "Second factor needed",
                "status": 403,
                "detail": f"Give your code at {request.build_absolute_uri(page)}.",
            },
            status=403,
            content_type=CONTENT_TYPE,
        )


def _is_free(request: HttpRequest) -> bool:
    free = (reverse("second-factor"), reverse("admin:logout"), f"/{settings.STATIC_URL.strip('/')}/")
    return request.path_info.startswith(free) or not request.path_info.startswith(("/admin/", "/api/admin/"))


class CodeForm(forms.Form):
    """A code of one of the person's devices. Wrong ones make django-otp refuse the next for a while, ever longer."""

    otp_token = forms.CharField(
        label="Code",
        help_text="Six digits from your authenticator app, or one of your recovery codes.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "autofocus": True}),
    )
    refusal = "That code is not accepted. Check the phone's clock; after several wrong codes, wait a minute."

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.device: Any = None

    def clean_otp_token(self) -> str:
        code: str = self.cleaned_data["otp_token"].replace(" ", "")
        self.device = self.device_of(code)
        if self.device is None:
            raise forms.ValidationError(self.refusal)
        return code

    def device_of(self, code: str) -> Any:
        return match_token(self.user, code)


class EnrolForm(CodeForm):
    """The first code of a device that is being set up."""

    refusal = "That is not the code of this minute. Check the phone's clock and try again."

    def __init__(self, new: TOTPDevice, *args: Any, **kwargs: Any) -> None:
        super().__init__(new.user, *args, **kwargs)
        self.new = new
        self.fields["otp_token"].help_text = "The six digits the app shows now."

    def device_of(self, code: str) -> TOTPDevice | None:
        return self.new if self.new.verify_token(code) else None


@login_required
def second_factor(request: HttpRequest) -> HttpResponse:
    """Ask for the code; at the first visit, set the app up."""
    user = request.user
    assert isinstance(user, User)
    if any(True for _ in devices_for_user(user)):
        return _ask(request, user)
    return _enrol(request, user)


def _ask(request: HttpRequest, user: User) -> HttpResponse:
    form = CodeForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.device)
        return HttpResponseRedirect(_next(request))
    return _page(request, "circletel/second_factor.html", form=form, title="Your second factor")


def _enrol(request: HttpRequest, user: User) -> HttpResponse:
    device, _ = TOTPDevice.objects.get_or_create(
        user=user, confirmed=False, defaults={"name": "Authenticator app"}
    )
    form = EnrolForm(device, request.POST or None)
    if request.method == "POST" and form.is_valid():
        codes = _confirm(device, user)
        login(request, device)
        return _page(
            request,
            "circletel/recovery_codes.html",
            codes=codes,
            next=_next(request),
            title="Keep these recovery codes",
        )
    return _page(
        request,
        "circletel/enrol.html",
        form=form,
        picture=_picture(device.config_url),
        secret=base64.b32encode(device.bin_key).decode(),
        title="Set up your second factor",
    )


@transaction.atomic
def _confirm(device: TOTPDevice, user: User) -> list[str]:
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    kept = StaticDevice.objects.create(user=user, name="Recovery codes")
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=kept, token=code) for code in codes)
    audit.record("second factor set up", user, actor=user)
    return codes


@transaction.atomic
def reset(user: User, *, actor: User) -> None:
    """Forget a person's devices: the phone is lost. They set up a new one when they next log in."""
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
    audit.record("second factor reset", user, actor=actor)


def _picture(address: str) -> str:
    """The address as a QR code, for a data: URL."""
    drawn = io.BytesIO()
    qrcode.make(address, image_factory=qrcode.image.svg.SvgPathFillImage, box_size=12).save(drawn)
    return base64.b64encode(drawn.getvalue()).decode()


def _next(request: HttpRequest) -> str:
    wished = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wished, {request.get_host()}, require_https=request.is_secure())
    return wished if safe else reverse("admin:index")


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    context = {**admin.site.each_context(request), "next": _next(request), **context}
    return render(request, template, context)
