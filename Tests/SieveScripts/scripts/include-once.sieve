require "include"; include :once "files"; include "files"; include :once "files"; keep;
