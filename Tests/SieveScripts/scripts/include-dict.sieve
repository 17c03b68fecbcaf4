require "include"; include "kept";
